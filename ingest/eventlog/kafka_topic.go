package eventlog

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The topic's settings that matter here.
const (
	configRetentionTime = "retention.ms"
	configRetentionSize = "retention.bytes"
	configCleanup       = "cleanup.policy"
	configBatchBytes    = "max.message.bytes"
	configTimestamp     = "message.timestamp.type"
)

// brokerBatchBytesDefault is what a broker takes that nobody has set otherwise.
const brokerBatchBytesDefault = 1_000_012

// topicConfig are the settings of a topic that weir creates: everything is kept
// for ever, because the log is not trimmed and a gap in it is a gap in the
// bills; records have their producer's time; and the largest record fits.
func topicConfig() map[string]*string {
	return map[string]*string{
		configRetentionTime: kadm.StringPtr("-1"),
		configRetentionSize: kadm.StringPtr("-1"),
		configCleanup:       kadm.StringPtr("delete"),
		configTimestamp:     kadm.StringPtr("CreateTime"),
		configBatchBytes:    kadm.StringPtr(strconv.Itoa(RecordBytesMax + batchOverheadBytes)),
	}
}

// openTopic finds or creates the topic, sets the log's identity, and returns how
// large a batch of records the topic takes.
func (k *Kafka) openTopic(ctx context.Context) (batchBytesMax int32, err error) {
	client, err := kgo.NewClient(k.clientOptions()...)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	if k.identity, err = k.findOrCreate(ctx, client); err != nil {
		return 0, err
	}
	if err := matchIdentity(k.identity, k.opts.ID, k.opts.Partitions); err != nil {
		return 0, err
	}
	return k.checkConfig(ctx, kadm.NewClient(client)), nil
}

// findOrCreate returns the topic's identity once it has one and every partition has a leader.
func (k *Kafka) findOrCreate(ctx context.Context, client *kgo.Client) (Identity, error) {
	for attempt := 1; ; attempt++ {
		identity, err := lookUpTopic(ctx, client, k.opts.Topic)
		if errors.Is(err, kerr.UnknownTopicOrPartition) {
			err = errors.Join(err, k.create(ctx, kadm.NewClient(client)))
		}
		if err == nil {
			return identity, nil
		}
		if attempt == topicAttemptsMax || !isTransient(err) {
			return Identity{}, err
		}
		select {
		case <-ctx.Done():
			return Identity{}, fmt.Errorf("%w, while waiting for the topic: %w", ctx.Err(), err)
		case <-time.After(topicRetryPause):
		}
	}
}

func isTransient(err error) bool {
	return kerr.IsRetriable(err) || errors.Is(err, kerr.UnknownTopicOrPartition)
}

// create creates the topic. That another process was faster is no error.
func (k *Kafka) create(ctx context.Context, admin *kadm.Client) error {
	partitions := k.opts.Partitions
	if partitions == 0 {
		partitions = PartitionsDefault
	}
	const brokersDefault = -1
	_, err := admin.CreateTopic(ctx, partitions, brokersDefault, topicConfig(), k.opts.Topic)
	if errors.Is(err, kerr.TopicAlreadyExists) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot create the topic: %w", err)
	}
	k.opts.Logger.Info("log created", "topic", k.opts.Topic, "partitions", partitions)
	return nil
}

// lookUpTopic asks a broker, not the client's cache, who the topic is. A
// partition without a leader is a retriable error.
func lookUpTopic(ctx context.Context, client *kgo.Client, topic string) (Identity, error) {
	request := kmsg.NewPtrMetadataRequest()
	wanted := kmsg.NewMetadataRequestTopic()
	wanted.Topic = kmsg.StringPtr(topic)
	request.Topics = append(request.Topics, wanted)
	metadata, err := request.RequestWith(ctx, client)
	if err != nil {
		return Identity{}, err
	}
	if len(metadata.Topics) != 1 {
		return Identity{}, kerr.UnknownTopicOrPartition
	}
	found := metadata.Topics[0]
	if err := kerr.ErrorForCode(found.ErrorCode); err != nil {
		return Identity{}, err
	}
	for _, p := range found.Partitions {
		if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
			return Identity{}, fmt.Errorf("partition %d: %w", p.Partition, err)
		}
	}
	if metadata.ClusterID == nil || found.TopicID == [16]byte{} {
		return Identity{}, errors.New("the broker gives no cluster and topic ids; Kafka 2.8 or later is needed")
	}
	id := *metadata.ClusterID + "/" + base64.RawURLEncoding.EncodeToString(found.TopicID[:])
	return Identity{ID: id, Partitions: int32(len(found.Partitions))}, nil
}

// matchIdentity compares a log with what is expected: id "" and partitions 0 = anything.
func matchIdentity(found Identity, id string, partitions int32) error {
	if id != "" && id != found.ID {
		return fmt.Errorf("%w: its id is %s, expected is %s", ErrMismatch, found.ID, id)
	}
	if partitions != 0 && partitions != found.Partitions {
		return fmt.Errorf("%w: it has %d partitions, expected are %d", ErrMismatch, found.Partitions, partitions)
	}
	return nil
}

// checkConfig reads the topic's settings, complains where records would be
// dropped, and returns how large a batch the topic takes. Not being allowed to
// read settings is no reason not to start.
func (k *Kafka) checkConfig(ctx context.Context, admin *kadm.Client) (batchBytesMax int32) {
	log := k.opts.Logger.With("topic", k.opts.Topic)
	batchBytesMax = brokerBatchBytesDefault
	configs, err := admin.DescribeTopicConfigs(ctx, k.opts.Topic)
	if err == nil && len(configs) == 1 {
		err = configs[0].Err
	}
	if err != nil || len(configs) != 1 {
		log.Warn("cannot read the topic's settings", "error", err)
		return batchBytesMax
	}
	for _, c := range configs[0].Configs {
		value := c.MaybeValue()
		switch c.Key {
		case configRetentionTime, configRetentionSize:
			if value != "-1" {
				log.Warn("the topic drops old records, weir cannot rebuild from it", "setting", c.Key, "value", value)
			}
		case configCleanup:
			if value != "delete" {
				log.Warn("the topic is compacted, weir's records would be lost", "setting", c.Key, "value", value)
			}
		case configBatchBytes:
			if n, err := strconv.ParseInt(value, 10, 32); err == nil {
				batchBytesMax = int32(min(n, RecordBytesMax+batchOverheadBytes))
			}
		}
	}
	if batchBytesMax < RecordBytesMax+batchOverheadBytes {
		log.Warn("the topic does not take the largest records", "setting", configBatchBytes, "value", batchBytesMax)
	}
	return batchBytesMax
}
