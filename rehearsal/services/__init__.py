"""The services that the emulator lacks or gets wrong, each in a module of its name."""
