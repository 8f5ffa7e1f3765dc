package eventlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Defaults of KafkaOptions.
const (
	TopicDefault           = "weir-events"
	GroupDefault           = "weir-aggregator"
	DeliveryTimeoutDefault = 30 * time.Second
	SessionTimeoutDefault  = 10 * time.Second
)

const (
	// batchOverheadBytes is more than what Kafka's formats add to the largest record.
	batchOverheadBytes = 4 << 10
	// topicMissingMax: a topic that is missing from a broker's answers for a while
	// (brokers that start say so) is not deleted. Reading would end, silently.
	topicMissingMax = 24 * time.Hour
	// metadataAgeMin is how often a client may ask who leads: after a leader has
	// moved, and for a topic that was just created, nothing goes on before that.
	metadataAgeMin = 250 * time.Millisecond
	// topicAttemptsMax and topicRetryPause bound the wait for a new topic's partitions to have leaders.
	topicAttemptsMax = 60
	topicRetryPause  = 250 * time.Millisecond
	// rebalanceTimeout is how long an owner may take to give its partitions up.
	rebalanceTimeout = 60 * time.Second
)

// KafkaOptions are the settings of OpenKafka.
type KafkaOptions struct {
	// Brokers are host:port addresses to begin with; at least one.
	Brokers []string
	// Topic; "" = TopicDefault. It is created when it is missing.
	Topic string
	// Partitions is the number of partitions; 0 = the topic's, PartitionsDefault for a
	// new topic. Another number than the topic's is ErrMismatch.
	Partitions int32
	// ID is the log id that is expected; "" = any. Another one is ErrMismatch.
	ID string
	// Group is the consumer group that divides the partitions; "" = GroupDefault.
	Group string
	// SessionTimeout is how long a member of the group may be silent before its
	// partitions go to others; 0 = SessionTimeoutDefault.
	SessionTimeout time.Duration
	// DeliveryTimeout is about how long an append may take before it is answered
	// with an error, its outcome unknown; 0 = DeliveryTimeoutDefault.
	DeliveryTimeout time.Duration
	// Security protects the connections.
	Security KafkaSecurity
	// QueueBytesMax bounds the bytes of records that are appended and not yet
	// acknowledged; 0 = QueueBytesMaxDefault.
	QueueBytesMax int64
	// Logger takes state changes and faults; nil = none.
	Logger *slog.Logger
	// Registerer takes the metrics while the log is open; nil = none.
	Registerer prometheus.Registerer
}

func (o *KafkaOptions) setDefaults() error {
	if len(o.Brokers) == 0 {
		return errors.New("no brokers given")
	}
	if o.Partitions < 0 || o.Partitions > PartitionsMax {
		return fmt.Errorf("%d partitions; at most %d", o.Partitions, PartitionsMax)
	}
	setDefault(&o.Topic, TopicDefault)
	setDefault(&o.Group, GroupDefault)
	setDefault(&o.SessionTimeout, SessionTimeoutDefault)
	setDefault(&o.DeliveryTimeout, DeliveryTimeoutDefault)
	setDefault(&o.QueueBytesMax, QueueBytesMaxDefault)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

func setDefault[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

// Kafka is a Log in one topic of Apache Kafka, or of a broker that speaks its protocol.
type Kafka struct {
	opts     KafkaOptions
	identity Identity
	client   *kgo.Client // produces and asks; readers and the group have their own
	queue    appendQueue
	metrics  *logMetrics
	security []kgo.Opt

	// closing is done when Close begins; it ends readers.
	closing context.Context
	close   context.CancelFunc
}

var _ Log = (*Kafka)(nil)

// OpenKafka connects to Kafka, creates the topic if it is missing, and makes sure
// that it is the expected log. ctx bounds the opening alone.
func OpenKafka(ctx context.Context, opts KafkaOptions) (*Kafka, error) {
	if err := opts.setDefaults(); err != nil {
		return nil, fmt.Errorf("cannot open Kafka log: %w", err)
	}
	k := &Kafka{opts: opts, metrics: newLogMetrics()}
	if err := k.open(ctx); err != nil {
		return nil, fmt.Errorf("cannot open Kafka log, topic %s at %v: %w", opts.Topic, opts.Brokers, err)
	}
	k.closing, k.close = context.WithCancel(context.Background())
	return k, nil
}

func (k *Kafka) open(ctx context.Context) (err error) {
	if k.security, err = k.opts.Security.options(); err != nil {
		return err
	}
	batchBytesMax, err := k.openTopic(ctx)
	if err != nil {
		return err
	}
	if k.client, err = kgo.NewClient(k.producerOptions(batchBytesMax)...); err != nil {
		return err
	}
	k.queue.every = produceEveryMin
	k.queue.timer = time.AfterFunc(time.Hour, k.nextRound)
	k.queue.timer.Stop()
	if err := k.metrics.register(k.opts.Registerer, bufferCollector{k}); err != nil {
		k.client.Close()
		return err
	}
	return nil
}

// clientOptions are what all of the log's clients have in common.
func (k *Kafka) clientOptions(more ...kgo.Opt) []kgo.Opt {
	options := append([]kgo.Opt{
		kgo.SeedBrokers(k.opts.Brokers...),
		kgo.ClientID("weir"),
		kgo.ConsiderMissingTopicDeletedAfter(topicMissingMax),
		kgo.MetadataMinAge(metadataAgeMin),
		kgo.DisableClientMetrics(),
	}, k.security...)
	return append(options, more...)
}

// producerOptions: acknowledged by all in-sync replicas, idempotent, so that the
// client's own retries neither double nor reorder records. A record whose outcome
// stays unknown is given up after the delivery timeout: its sender must get an
// answer and will try again; should the first try be in the log after all, the
// events' ids count once. Snappy halves what the brokers store and send for
// little more than a copy; zstd costs more than all else that is done with an event.
func (k *Kafka) producerOptions(batchBytesMax int32) []kgo.Opt {
	return k.clientOptions(
		kgo.DefaultProduceTopicAlways(),
		kgo.DefaultProduceTopic(k.opts.Topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(kgo.SnappyCompression(), kgo.NoCompression()),
		kgo.ProducerBatchMaxBytes(batchBytesMax),
		kgo.ProducerLinger(lingerMax),
		kgo.MaxBufferedRecords(bufferedRecordsMax),
		kgo.RecordDeliveryTimeout(k.opts.DeliveryTimeout),
		kgo.AllowIdempotentProduceCancellation(),
		kgo.UnknownTopicRetries(-1), // the delivery timeout bounds these too
	)
}

// Identity returns the cluster's and the topic's id, and the number of partitions at opening.
func (k *Kafka) Identity() Identity { return k.identity }

// Ping asks Kafka whether the topic is still the one that was opened: nil,
// ErrMismatch (deleted and made anew, or given other partitions), or why nobody answers.
func (k *Kafka) Ping(ctx context.Context) error {
	identity, err := lookUpTopic(ctx, k.client, k.opts.Topic)
	if err != nil {
		return fmt.Errorf("cannot reach the Kafka log: %w", err)
	}
	return matchIdentity(identity, k.identity.ID, k.identity.Partitions)
}

// Close waits for what is queued, at most the delivery timeout, fails the rest
// and ends the readers.
func (k *Kafka) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), k.opts.DeliveryTimeout)
	defer cancel()
	k.closeQueue()
	err := k.client.Flush(ctx)
	k.close()
	k.client.Close() // answers what is left
	k.metrics.unregister()
	if err != nil {
		return fmt.Errorf("cannot close Kafka log: records were not acknowledged in time: %w", err)
	}
	return nil
}
