/** When a task runs by itself. */
export interface ScheduleModel {
  /** Five fields as in crontab(5), or a name such as `@hourly`. */
  readonly cron: string;
  /** IANA name, such as `Europe/Berlin`. */
  readonly timeZone: string;
  /** While the run of an earlier tick goes on: the next is left out, runs beside it, or takes its place. */
  readonly overlap: 'forbid' | 'allow' | 'replace';
  /** Of ticks that came while no daemon was there: none, the last or all of them are made up for. */
  readonly missed: 'skip' | 'once' | 'all';
  readonly args: readonly string[];
}
