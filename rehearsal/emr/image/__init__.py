"""What stands for the image of a job: a folder on its Python path."""
