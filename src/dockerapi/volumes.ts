/** Named folders of the daemon, which containers mount. */
export interface Volumes {
  list(): Promise<readonly Volume[]>;
  find(name: string): Promise<Volume | undefined>;
  /** "There already" is success, and changes nothing. @throws BAD_REQUEST for a name that is none */
  create(name: string, labels: Readonly<Record<string, string>>): Promise<Volume>;
  /** With all that is in it. */
  remove(name: string): Promise<void>;
  /** Names of those that apps have. */
  ofApps(): ReadonlySet<string>;
}

export interface Volume {
  readonly name: string;
  /** Folder on the host. */
  readonly path: string;
  /** Unix milliseconds. */
  readonly createdAt: number;
  readonly labels: Readonly<Record<string, string>>;
}
