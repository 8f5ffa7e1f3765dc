package eventlog

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// Mechanisms of KafkaSecurity, by the names that Kafka has for them.
const (
	MechanismPlain       = "PLAIN"
	MechanismScramSHA256 = "SCRAM-SHA-256"
	MechanismScramSHA512 = "SCRAM-SHA-512"
)

// KafkaSecurity says how connections to Kafka are protected, and who weir is
// there. The zero value: neither.
type KafkaSecurity struct {
	// TLS encrypts connections. The brokers' certificates must be valid for the
	// host names that they announce.
	TLS bool
	// CAFile has the certificates, PEM, that the brokers' must be signed by; "" = those
	// that the system trusts.
	CAFile string
	// CertificateFile and KeyFile, PEM, are a client's; "" = none. They are read anew
	// for each connection, so that they can be replaced while weir runs.
	CertificateFile, KeyFile string
	// Mechanism of SASL: one of those above; "" = none. PLAIN shows the password to
	// whoever can read the connection, so it wants TLS.
	Mechanism      string
	User, Password string
}

// Validate reports every contradiction; files are not looked at.
func (s *KafkaSecurity) Validate() error {
	var faults []error
	fault := func(is bool, text string) {
		if is {
			faults = append(faults, errors.New(text))
		}
	}
	fault(!s.TLS && (s.CAFile != "" || s.CertificateFile != "" || s.KeyFile != ""), "certificates are given, but TLS is off")
	fault((s.CertificateFile == "") != (s.KeyFile == ""), "a client's certificate and its key need each other")
	_, err := s.mechanism()
	fault(err != nil, fmt.Sprint(err))
	fault(s.Mechanism != "" && (s.User == "" || s.Password == ""), "SASL needs a user and a password")
	fault(s.Mechanism == "" && (s.User != "" || s.Password != ""), "a user or a password is given, but no SASL mechanism")
	return errors.Join(faults...)
}

// mechanism is nil when there is none.
func (s *KafkaSecurity) mechanism() (sasl.Mechanism, error) {
	switch s.Mechanism {
	case "":
		return nil, nil
	case MechanismPlain:
		return plain.Auth{User: s.User, Pass: s.Password}.AsMechanism(), nil
	case MechanismScramSHA256:
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha256Mechanism(), nil
	case MechanismScramSHA512:
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha512Mechanism(), nil
	}
	return nil, fmt.Errorf("SASL mechanism %q is not %s, %s or %s", s.Mechanism, MechanismPlain, MechanismScramSHA256, MechanismScramSHA512)
}

// options are those of a client, with the certificates read.
func (s *KafkaSecurity) options() (options []kgo.Opt, err error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if s.TLS {
		config, err := s.tlsConfig()
		if err != nil {
			return nil, err
		}
		options = append(options, kgo.DialTLSConfig(config))
	}
	mechanism, err := s.mechanism()
	if mechanism != nil {
		options = append(options, kgo.SASL(mechanism))
	}
	return options, err
}

func (s *KafkaSecurity) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.CAFile != "" {
		pem, err := os.ReadFile(s.CAFile)
		if err != nil {
			return nil, fmt.Errorf("cannot read the brokers' CA: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("cannot read the brokers' CA: %s has no certificate in PEM", s.CAFile)
		}
	}
	if s.CertificateFile != "" {
		if _, err := s.certificate(nil); err != nil {
			return nil, err
		}
		config.GetClientCertificate = s.certificate
	}
	return config, nil
}

// certificate reads the client's certificate, for whichever broker asks.
func (s *KafkaSecurity) certificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(s.CertificateFile, s.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("cannot read the client's certificate: %w", err)
	}
	return &pair, nil
}
