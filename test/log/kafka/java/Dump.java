import java.io.PrintStream;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * What Kafka's own consumer (read_committed) reads of a Kafka topic: one line a record, and one `end` line a partition.
 * Usage: Dump BOOTSTRAP TOPIC. Fields by tab: partition, offset, timestamp, key, value, then name and value of each
 * header; bytes as length:digest, `null` for none.
 */
public class Dump {
  public static void main(String[] args) throws Exception {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", args[0]);
    properties.put("key.deserializer", ByteArrayDeserializer.class.getName());
    properties.put("value.deserializer", ByteArrayDeserializer.class.getName());
    properties.put("isolation.level", "read_committed");
    properties.put("auto.offset.reset", "earliest");
    properties.put("enable.auto.commit", "false");
    PrintStream out = new PrintStream(System.out, false, "UTF-8");
    try (var consumer = new KafkaConsumer<byte[], byte[]>(properties)) {
      List<TopicPartition> partitions = new ArrayList<>();
      for (var info : consumer.partitionsFor(args[1])) partitions.add(new TopicPartition(args[1], info.partition()));
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      while (partitions.stream().anyMatch(partition -> consumer.position(partition) < ends.get(partition))) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
          StringBuilder line = new StringBuilder();
          line.append(record.partition()).append('\t').append(record.offset()).append('\t').append(record.timestamp());
          line.append('\t').append(digest(record.key())).append('\t').append(digest(record.value()));
          for (Header header : record.headers()) line.append('\t').append(header.key()).append('\t').append(digest(header.value()));
          out.println(line);
        }
      }
      for (var partition : partitions) out.println("end\t" + partition.partition() + "\t" + ends.get(partition));
    }
    out.flush();
  }

  static String digest(byte[] bytes) throws Exception {
    if (bytes == null) return "null";
    return bytes.length + ":" + HexFormat.of().formatHex(MessageDigest.getInstance("MD5").digest(bytes));
  }
}
