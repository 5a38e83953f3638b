/** Kafka's error codes, and what they mean to the log port. */
import { LogError, type LogErrorKind } from '../../../core/log/index.ts';

export const code = {
  NONE: 0,
  OFFSET_OUT_OF_RANGE: 1,
  CORRUPT_MESSAGE: 2,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  MESSAGE_TOO_LARGE: 10,
  INVALID_TOPIC: 17,
  RECORD_LIST_TOO_LARGE: 18,
  TOPIC_AUTHORIZATION_FAILED: 29,
  CLUSTER_AUTHORIZATION_FAILED: 31,
  TOPIC_ALREADY_EXISTS: 36,
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 53,
  SASL_AUTHENTICATION_FAILED: 58,
  UNSUPPORTED_COMPRESSION: 76,
  UNKNOWN_TOPIC_ID: 100,
  INCONSISTENT_TOPIC_ID: 103,
} as const;

const kinds = new Map<number, LogErrorKind>([
  [code.CORRUPT_MESSAGE, 'CORRUPT'],
  [code.UNKNOWN_TOPIC_OR_PARTITION, 'UNKNOWN_TOPIC'],
  [code.MESSAGE_TOO_LARGE, 'TOO_LARGE'],
  [code.INVALID_TOPIC, 'UNKNOWN_TOPIC'],
  [code.RECORD_LIST_TOO_LARGE, 'TOO_LARGE'],
  [code.TOPIC_AUTHORIZATION_FAILED, 'UNAUTHORISED'],
  [code.CLUSTER_AUTHORIZATION_FAILED, 'UNAUTHORISED'],
  [code.TOPIC_ALREADY_EXISTS, 'EXISTS'],
  [code.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 'UNAUTHORISED'],
  [code.SASL_AUTHENTICATION_FAILED, 'UNAUTHORISED'],
  [code.UNSUPPORTED_COMPRESSION, 'CORRUPT'],
  [code.UNKNOWN_TOPIC_ID, 'RECREATED'],
]);

/** Everything that is not in the list is a passing state of the cluster (leader moves, elections, storage). */
function kindOf(errorCode: number): LogErrorKind {
  return kinds.get(errorCode) ?? 'UNAVAILABLE';
}

export function protocolError(errorCode: number, what: string): LogError {
  return new LogError(kindOf(errorCode), `${what}: Kafka error ${errorCode}`);
}

interface KafkajsError extends Error {
  readonly code?: unknown;
  readonly errors?: readonly unknown[];
}

/** Whatever kafkajs or the own requests threw, as a LogError: what is not known to be final is UNAVAILABLE. */
export function asLogError(thrown: unknown, what: string): LogError {
  if (thrown instanceof LogError) return thrown;
  let kind: LogErrorKind = 'UNAVAILABLE';
  // kafkajs wraps: a retry count around a protocol error, an aggregate around one per Kafka topic.
  let error = thrown as KafkajsError | undefined;
  for (let depth = 0; error !== undefined && error !== null && depth < 8; depth++) {
    if (error.name === 'KafkaJSSASLAuthenticationError') kind = 'UNAUTHORISED';
    if (typeof error.code === 'number') kind = kindOf(error.code);
    if (kind !== 'UNAVAILABLE') break;
    error = (error.cause ?? error.errors?.[0]) as KafkajsError | undefined;
  }
  return new LogError(kind, `${what}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, { cause: thrown });
}
