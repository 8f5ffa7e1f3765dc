package main

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestKafkaSettings: what is said by variables and flags reaches the log's options,
// and contradictions are refused by name.
func TestKafkaSettings(t *testing.T) {
	t.Parallel()
	parse := func(args ...string) (*Config, error) {
		var c commands
		if _, err := kong.Must(&c, kong.Name("weir")).Parse(append([]string{"version"}, args...)); err != nil {
			return nil, err
		}
		return &c.Config, c.Validate()
	}
	c, err := parse("--kafka-brokers=a:1,b:2", "--kafka-delivery-timeout=10s", "--kafka-tls", "--kafka-tls-ca=ca.pem",
		"--kafka-tls-certificate=c.pem", "--kafka-tls-key=k.pem", "--kafka-sasl-mechanism=SCRAM-SHA-512",
		"--kafka-sasl-user=u", "--kafka-sasl-password=p")
	if err != nil {
		t.Fatal(err)
	}
	o := c.kafkaOptions()
	s := o.Security
	if got := strings.Join(append(o.Brokers, o.Topic, o.Group, o.DeliveryTimeout.String(), s.CAFile, s.CertificateFile, s.KeyFile, s.Mechanism, s.User, s.Password), " "); !s.TLS ||
		got != "a:1 b:2 weir-events weir-aggregators 10s ca.pem c.pem k.pem SCRAM-SHA-512 u p" {
		t.Errorf("got %s, TLS %v", got, s.TLS)
	}
	for arg, want := range map[string]string{
		"--kafka-delivery-timeout=1ms":   "WEIR_KAFKA_DELIVERY_TIMEOUT: 1ms is not in 1s..5m0s",
		"--kafka-tls-ca=ca.pem":          "TLS is off",
		"--kafka-sasl-user=u":            "no SASL mechanism",
		"--kafka-sasl-mechanism=GSSAPI":  `"GSSAPI" is not PLAIN`,
		"--kafka-sasl-mechanism=PLAIN":   "needs a user and a password",
		"--kafka-sasl-password=a secret": "no SASL mechanism",
	} {
		if _, err := parse(arg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", arg, err, want)
		} else if strings.Contains(err.Error(), "a secret") {
			t.Errorf("%s: %v tells the password", arg, err)
		}
	}
	if _, err := parse(); err != nil {
		t.Errorf("nothing set: %v", err)
	}
}
