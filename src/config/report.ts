import type { YamlFile, YamlPath } from '../schema/yaml-file.ts';

/** Takes a problem at a place of the configuration. */
export type Report = (path: YamlPath, message: string, options?: Parameters<YamlFile['problem']>[2]) => void;
