import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Writes with Kafka's own producer what a reader must cope with. Usage: Feed BOOTSTRAP SCENARIO TOPIC SEED.
 * Scenarios: codecs, transactions, open, compacted, plain COUNT.
 */
public class Feed {
  static Random random;

  public static void main(String[] args) throws Exception {
    random = new Random(Long.parseLong(args[3]));
    switch (args[1]) {
      case "codecs" -> codecs(args[0], args[2]);
      case "transactions" -> transactions(args[0], args[2], false);
      case "open" -> transactions(args[0], args[2], true);
      case "compacted" -> compacted(args[0], args[2]);
      default -> throw new IllegalArgumentException(args[1]);
    }
  }

  static KafkaProducer<byte[], byte[]> producer(String bootstrap, String... more) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", bootstrap);
    properties.put("key.serializer", ByteArraySerializer.class.getName());
    properties.put("value.serializer", ByteArraySerializer.class.getName());
    properties.put("max.request.size", "3000000");
    properties.put("linger.ms", "5");
    for (int i = 0; i < more.length; i += 2) properties.put(more[i], more[i + 1]);
    return new KafkaProducer<>(properties);
  }

  static ProducerRecord<byte[], byte[]> record(String topic, int number, int size) {
    byte[] value = new byte[size];
    // Half noise, half text: neither trivially small nor incompressible.
    for (int i = 0; i < size; i++) value[i] = (byte) (random.nextInt(4) == 0 ? random.nextInt(256) : 'a' + i % 26);
    byte[] key = random.nextInt(4) == 0 ? null : ("key-" + random.nextInt(50)).getBytes(StandardCharsets.UTF_8);
    boolean tombstone = random.nextInt(10) == 0;
    var record = new ProducerRecord<>(topic, number % 3, key, tombstone ? null : value);
    for (int i = random.nextInt(8) - 4; i > 0; i--) {
      byte[] header = random.nextInt(3) == 0 ? null : ("header " + number).getBytes(StandardCharsets.UTF_8);
      record.headers().add(random.nextBoolean() ? "same" : "größe-" + i, header);
    }
    return record;
  }

  static void codecs(String bootstrap, String topic) throws Exception {
    int[] sizes = {0, 1, 2, 100, 300, 127, 128, 1000, 16_383, 16_384, 100_000, 1_000_000};
    int number = 0;
    for (String idempotent : new String[] {"true", "false"}) {
      for (String codec : new String[] {"none", "gzip", "snappy", "lz4", "zstd"}) {
        try (var producer = producer(bootstrap, "compression.type", codec, "enable.idempotence", idempotent, "batch.size", "200000")) {
          List<Future<?>> sent = new ArrayList<>();
          for (int i = 0; i < 300; i++) sent.add(producer.send(record(topic, number++, random.nextInt(400))));
          for (int size : sizes) sent.add(producer.send(record(topic, number++, size)));
          producer.flush();
          for (Future<?> one : sent) one.get();
        }
      }
    }
  }

  /** Four producers whose transactions overlap in every way, half of them aborted, and one that uses none. */
  static void transactions(String bootstrap, String topic, boolean leaveOpen) throws Exception {
    List<KafkaProducer<byte[], byte[]>> producers = new ArrayList<>();
    boolean[] open = new boolean[4];
    for (int i = 0; i < 4; i++) {
      var producer = producer(bootstrap, "transactional.id", topic + "-" + i, "compression.type", i % 2 == 0 ? "none" : "lz4");
      producer.initTransactions();
      producers.add(producer);
    }
    try (var plain = producer(bootstrap, "linger.ms", "0")) {
      int number = 0;
      for (int step = 0; step < 400; step++) {
        int who = random.nextInt(5);
        if (who == 4) {
          plain.send(record(topic, number++, 50)).get();
          continue;
        }
        var producer = producers.get(who);
        if (!open[who]) {
          producer.beginTransaction();
          open[who] = true;
        }
        for (int i = random.nextInt(4); i >= 0; i--) producer.send(record(topic, number++, random.nextInt(200)));
        producer.flush();
        if (random.nextInt(3) == 0) {
          if (random.nextBoolean()) producer.commitTransaction();
          else producer.abortTransaction();
          open[who] = false;
        }
      }
      if (leaveOpen) {
        // The stable end lies before this transaction, whatever follows it.
        if (!open[0]) producers.get(0).beginTransaction();
        producers.get(0).send(record(topic, 0, 10));
        producers.get(0).send(record(topic, 1, 10));
        producers.get(0).send(record(topic, 2, 10));
        producers.get(0).flush();
        for (int i = 0; i < 30; i++) plain.send(record(topic, number++, 50)).get();
        Runtime.getRuntime().halt(0);
      }
    }
    for (int i = 0; i < 4; i++) {
      if (open[i]) producers.get(i).abortTransaction();
      producers.get(i).close();
    }
  }

  /** Few keys, many times, tombstones at the end of some: what compaction leaves has holes and empty batches. */
  static void compacted(String bootstrap, String topic) throws Exception {
    for (int round = 0; round < 6; round++) {
      // A producer of its own each round: the broker keeps the last batch of each, if need be empty.
      try (var producer = producer(bootstrap, "compression.type", round % 2 == 0 ? "none" : "zstd", "batch.size", "2000")) {
        for (int i = 0; i < 300; i++) {
          byte[] key = ("key-" + random.nextInt(20)).getBytes(StandardCharsets.UTF_8);
          byte[] value = random.nextInt(5) == 0 ? null : ("value " + round + " " + i).getBytes(StandardCharsets.UTF_8);
          producer.send(new ProducerRecord<>(topic, i % 3, key, value));
        }
        for (int i = 0; i < 20; i++) {
          byte[] key = ("key-" + i).getBytes(StandardCharsets.UTF_8);
          producer.send(new ProducerRecord<>(topic, i % 3, key, null));
        }
        producer.flush();
      }
      Thread.sleep(150);
    }
  }
}
