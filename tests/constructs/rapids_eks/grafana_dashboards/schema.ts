// A dashboard in the words of Grafana's published types: https://www.npmjs.com/package/@grafana/schema.
import type * as grafana from '@grafana/schema';
import type * as gauge from '@grafana/panels/gauge/panelcfg/x/types.gen';
import type * as stat from '@grafana/panels/stat/panelcfg/x/types.gen';
import type * as timeseries from '@grafana/panels/timeseries/panelcfg/x/types.gen';

// As JSON has it: the values of enumerations are plain text
type Json<T> = T extends string ? `${T}` : T extends (infer U)[] ? Json<U>[] : T extends object ? { [K in keyof T]: Json<T[K]> } : T;

// The query of the Prometheus data sources, of which no types are published
type Target = {
  refId: string;
  datasource: { type: string; uid: string };
  editorMode: 'code' | 'builder';
  expr: string;
  interval?: string;
  legendFormat: string;
  range: boolean;
  instant: boolean;
  format?: 'time_series' | 'table' | 'heatmap';
};

// A panel of one kind; what its options leave out has its default
type PanelOf<Kind extends string, Options, Custom> = Json<Omit<grafana.Panel, 'type' | 'options' | 'fieldConfig' | 'targets'>> & {
  type: Kind;
  options: Partial<Json<Options>>;
  fieldConfig: {
    defaults: Json<Omit<grafana.FieldConfig, 'custom' | 'thresholds'>> & {
      custom?: Partial<Json<Custom>>;
      thresholds?: { mode: `${grafana.ThresholdsMode}`; steps: { color: string; value: number | null }[] }; // JSON has no -Infinity
    };
    overrides: Json<grafana.FieldConfigSource['overrides']>;
  };
  targets: Target[];
};

type Row = Json<Omit<grafana.RowPanel, 'panels'>> & { panels: [] };
type Panel =
  | Row
  | PanelOf<'timeseries', timeseries.Options, timeseries.FieldConfig>
  | PanelOf<'stat', stat.Options, never>
  | PanelOf<'gauge', gauge.Options, never>
  | PanelOf<'table', grafana.TableOptions, grafana.TableFieldOptions>;

export type Dashboard = Json<Omit<grafana.Dashboard, 'panels'>> & { panels: Panel[] };
