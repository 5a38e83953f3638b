import org.apache.kafka.common.utils.AppInfoParser;
import org.apache.kafka.common.utils.Utils;

/** Says which Kafka it runs on, and what Kafka's own partitioner makes of each argument. */
public class Greeting {
    public static void main(String[] args) {
        System.out.println(AppInfoParser.getVersion());
        for (String key : args) {
            System.out.println(key + " " + (Utils.toPositive(Utils.murmur2(key.getBytes())) % 12));
        }
    }
}
