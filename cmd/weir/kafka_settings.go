package main

import (
	"strings"
	"time"

	"weir/ingest/eventlog"
)

// Bounds of WEIR_KAFKA_DELIVERY_TIMEOUT: brokers that hand their leadership on need
// some seconds, and nobody waits for an answer for longer than minutes.
const (
	kafkaDeliveryTimeoutMin = time.Second
	kafkaDeliveryTimeoutMax = 5 * time.Minute
)

// kafkaOptions are the settings of the log in Kafka.
func (c *Config) kafkaOptions() eventlog.KafkaOptions {
	return eventlog.KafkaOptions{
		Brokers: c.KafkaBrokers, Topic: c.KafkaTopic, Group: c.KafkaGroup,
		Partitions: c.Partitions, DeliveryTimeout: c.KafkaDeliveryTimeout, Security: c.kafkaSecurity(),
	}
}

func (c *Config) kafkaSecurity() eventlog.KafkaSecurity {
	return eventlog.KafkaSecurity{
		TLS: c.KafkaTLS, CAFile: c.KafkaTLSCA, CertificateFile: c.KafkaTLSCertificate, KeyFile: c.KafkaTLSKey,
		Mechanism: c.KafkaSASLMechanism, User: c.KafkaSASLUser, Password: c.KafkaSASLPassword,
	}
}

// validateKafka reports the faults of what Kafka alone has.
func (c *Config) validateKafka(fault func(format string, args ...any)) {
	if t := c.KafkaDeliveryTimeout; t < kafkaDeliveryTimeoutMin || t > kafkaDeliveryTimeoutMax {
		fault("WEIR_KAFKA_DELIVERY_TIMEOUT: %v is not in %v..%v", t, kafkaDeliveryTimeoutMin, kafkaDeliveryTimeoutMax)
	}
	security := c.kafkaSecurity()
	if err := security.Validate(); err != nil {
		for text := range strings.SplitSeq(err.Error(), "\n") {
			fault("WEIR_KAFKA_TLS…, WEIR_KAFKA_SASL…: %s", text)
		}
	}
}
