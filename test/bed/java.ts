/** Small Java programs beside the tests, run against Kafka's own jars: the other implementation to compare with. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached, contentHash } from './cache.ts';
import { programOf, run } from './command.ts';
import { javaProgram, type KafkaVersion, kafkaClassPath } from './kafka-home.ts';

/**
 * Compiles `source`, the path of a .java file whose public class has the file's name and no package, and runs its main
 * with these arguments. Classes are cached by content. Rejects with the program's error output where it fails.
 */
export async function runJava(
  version: KafkaVersion,
  source: string,
  args: readonly string[],
): Promise<{ readonly stdout: string }> {
  const name = source.slice(source.lastIndexOf('/') + 1).replace(/\.java$/, '');
  const classPath = await kafkaClassPath(version);
  const classes = await cached(
    join('classes', `${name}-${version}-${contentHash(readFileSync(source))}`),
    async (made) => {
      await run(await programOf('javac', 'openjdk-17-jdk-headless'), ['-cp', classPath, '-d', made, source]);
    },
  );
  const options = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', `${classes}:${classPath}`];
  return { stdout: await run(await javaProgram(), [...options, name, ...args]) };
}
