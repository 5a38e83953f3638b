/**
 * Apache Kafka's jars, by version: through Maven from the committed pom, or out of Kafka's Docker image where there is an
 * engine and no Maven.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached, contentHash } from './cache.ts';
import { onPath, programOf, run } from './command.ts';

export const kafkaVersions = ['4.1.1', '3.9.1'] as const;
export type KafkaVersion = (typeof kafkaVersions)[number];

/** The class path of this version's broker and Java clients, its jars in a fixed order. */
export async function kafkaClassPath(version: KafkaVersion): Promise<string> {
  const folder = await jars(version);
  return readdirSync(folder)
    .filter((name) => name.endsWith('.jar'))
    .sort()
    .map((name) => join(folder, name))
    .join(':');
}

export const javaProgram = (): Promise<string> => programOf('java', 'openjdk-17-jre-headless');

function jars(version: KafkaVersion): Promise<string> {
  const pom = join(import.meta.dirname, `kafka-${version}.pom.xml`);
  return cached(`kafka-${version}-${contentHash(readFileSync(pom))}`, async (folder) => {
    if (onPath('mvn') === undefined && onPath('docker') !== undefined) return fromImage(version, folder);
    const maven = await programOf('mvn', 'maven');
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${folder}`];
    await run(maven, ['-B', '-q', '-f', pom, ...goal]);
  });
}

async function fromImage(version: KafkaVersion, folder: string): Promise<void> {
  const container = (await run('docker', ['create', `apache/kafka:${version}`])).trim();
  try {
    await run('docker', ['cp', `${container}:/opt/kafka/libs/.`, folder]);
  } finally {
    await run('docker', ['rm', container]);
  }
}
