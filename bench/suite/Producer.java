// Sends records as fast as Kafka's own client does, as kafka-producer-perf-test with
// --throughput -1 and acks=all, and prints how many a second were acknowledged. Half
// that time goes before, uncounted: both Javas compile their code then.
//
//   java -cp 'deploy/kafka/lib/*' Producer.java brokers topic partitions record-bytes seconds

import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class Producer {
    public static void main(String[] args) throws Exception {
        String brokers = args[0], topic = args[1];
        int partitions = Integer.parseInt(args[2]);
        byte[] payload = new byte[Integer.parseInt(args[3])];
        long nanos = Long.parseLong(args[4]) * 1_000_000_000L;
        Random random = new Random(1);
        for (int i = 0; i < payload.length; i++) payload[i] = (byte) (random.nextInt(26) + 65); // as the tool does

        Properties p = new Properties();
        p.put("bootstrap.servers", brokers);
        p.put("acks", "all");
        p.put("key.serializer", ByteArraySerializer.class.getName());
        p.put("value.serializer", ByteArraySerializer.class.getName());
        try (Admin admin = Admin.create(p)) {
            admin.createTopics(List.of(new NewTopic(topic, Optional.of(partitions), Optional.empty()))).all().get();
        } catch (java.util.concurrent.ExecutionException e) {
            if (!(e.getCause() instanceof TopicExistsException)) throw e;
        }
        AtomicLong acknowledged = new AtomicLong();
        AtomicReference<Exception> failure = new AtomicReference<>();
        long started = System.nanoTime() + nanos / 2, before = -1, counted = 0, ended = 0;
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(p)) {
            while (System.nanoTime() - started < nanos) {
                if (before < 0 && System.nanoTime() >= started) before = acknowledged.get();
                producer.send(new ProducerRecord<>(topic, payload), (metadata, e) -> {
                    if (e == null) acknowledged.incrementAndGet();
                    else failure.set(e);
                });
            }
            counted = acknowledged.get() - before;
            ended = System.nanoTime();
            producer.flush();
        }
        if (failure.get() != null) throw failure.get();
        System.out.println(counted / ((ended - started) / 1e9));
    }
}
