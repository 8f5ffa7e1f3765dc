package eventlog

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kfake"
)

// refusalPatience is how long a client that is not let in may try.
const refusalPatience = 3 * time.Second

// authority is a CA of a test's own.
type authority struct {
	t    *testing.T
	dir  string
	file string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a test's CA"},
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	a.file, _ = a.issue("ca", a.cert)
	return a
}

// issue signs a certificate and writes it and its key; the first one signs itself.
func (a *authority) issue(name string, cert *x509.Certificate) (certificateFile, keyFile string) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	if a.key == nil {
		a.key = key
	}
	signed, err := x509.CreateCertificate(rand.Reader, cert, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.write(name+".pem", "CERTIFICATE", signed), a.write(name+".key", "PRIVATE KEY", der)
}

func (a *authority) write(name, kind string, der []byte) string {
	a.t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// serverConfig is that of a broker on loopback which wants its clients' certificates.
func (a *authority) serverConfig() *tls.Config {
	a.t.Helper()
	pair, err := tls.LoadX509KeyPair(a.issue("broker", &x509.Certificate{
		SerialNumber: big.NewInt(2), NotAfter: a.cert.NotAfter, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}))
	if err != nil {
		a.t.Fatal(err)
	}
	clients := x509.NewCertPool()
	ca, err := os.ReadFile(a.file)
	if err != nil || !clients.AppendCertsFromPEM(ca) {
		a.t.Fatal("cannot read the CA: ", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert}
}

// TestKafkaSecurity: each mechanism, plain and encrypted, lets weir in with what is
// right, for every kind of client it has, and not with what is wrong.
func TestKafkaSecurity(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	server := ca.serverConfig()
	encrypted := KafkaSecurity{TLS: true, CAFile: ca.file}
	encrypted.CertificateFile, encrypted.KeyFile = ca.issue("client", &x509.Certificate{SerialNumber: big.NewInt(3), NotAfter: ca.cert.NotAfter})
	for _, mechanism := range []string{"", MechanismPlain, MechanismScramSHA256, MechanismScramSHA512} {
		for _, base := range []KafkaSecurity{{}, encrypted} {
			name := strings.Join([]string{mechanism, map[bool]string{true: "TLS"}[base.TLS]}, "+")
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				options := []kfake.Opt{kfake.NumBrokers(1), kfake.BrokerConfigs(map[string]string{"group.initial.rebalance.delay.ms": "0"})}
				right := base
				var wrong []KafkaSecurity
				if base.TLS {
					options = append(options, kfake.TLS(server))
					wrong = append(wrong,
						KafkaSecurity{},
						KafkaSecurity{TLS: true, CertificateFile: base.CertificateFile, KeyFile: base.KeyFile}, // who signed the broker's is not known
						KafkaSecurity{TLS: true, CAFile: base.CAFile})                                          // the broker wants one
				}
				if mechanism != "" {
					options = append(options, kfake.EnableSASL(), kfake.Superuser(mechanism, "weir", "a secret"))
					right.Mechanism, right.User, right.Password = mechanism, "weir", "a secret"
					other := right
					other.Password = "a guess"
					wrong = append(wrong, other, base)
				}
				for i := range wrong { // the user and the mechanism, where they are not what is wrong
					if wrong[i].User == "" && i < len(wrong)-1 {
						wrong[i].Mechanism, wrong[i].User, wrong[i].Password = right.Mechanism, right.User, right.Password
					}
				}
				letIn(t, startFake(t, options...).ListenAddrs(), right, wrong)
			})
		}
	}
}

// letIn fails the test unless brokers let in the right one alone.
func letIn(t *testing.T, brokers []string, right KafkaSecurity, wrong []KafkaSecurity) {
	t.Helper()
	topic := "weir-test-" + uuid.NewString()
	open := func(ctx context.Context, s KafkaSecurity) (*Kafka, error) {
		return OpenKafka(ctx, KafkaOptions{Brokers: brokers, Topic: topic, Group: topic, Partitions: 1, Security: s})
	}
	log, err := open(testContext(t), right)
	if err != nil {
		t.Fatalf("not let in: %v", err)
	}
	t.Cleanup(func() { _ = log.Close() })
	mustAppend(t, log, 0, []byte("taken"))
	if got := readAll(t, log, 0, 0, 1); string(got[0]) != "taken" {
		t.Errorf("read %q", got[0])
	}
	m := join(t, log)
	m.await(t, 1)
	m.stop()
	if err := <-m.ended; err != nil {
		t.Error(err)
	}
	for _, s := range wrong {
		ctx, cancel := context.WithTimeout(t.Context(), refusalPatience)
		if log, err := open(ctx, s); err == nil {
			_ = log.Close()
			t.Errorf("let in: %+v", s)
		}
		cancel()
	}
}

// TestKafkaScram: Apache Kafka's own SCRAM, where there is one.
func TestKafkaScram(t *testing.T) {
	t.Parallel()
	broker := os.Getenv("WEIR_TEST_KAFKA_SASL_BROKERS")
	if broker == "" {
		t.Skip("no broker; deploy/kafka/kafka.sh test starts one")
	}
	right := KafkaSecurity{Mechanism: MechanismScramSHA512, User: "weir", Password: "weir-secret"}
	wrong := right
	wrong.Password = "a guess"
	letIn(t, strings.Split(broker, ","), right, []KafkaSecurity{wrong, {}})
}

// TestKafkaClientCertificateReplaced: a certificate that was replaced is used for the next connection.
func TestKafkaClientCertificateReplaced(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	s := KafkaSecurity{TLS: true, CAFile: ca.file}
	s.CertificateFile, s.KeyFile = ca.issue("client", &x509.Certificate{SerialNumber: big.NewInt(3), NotAfter: ca.cert.NotAfter})
	config, err := s.tlsConfig()
	if err != nil {
		t.Fatal(err)
	}
	ca.issue("client", &x509.Certificate{SerialNumber: big.NewInt(4), NotAfter: ca.cert.NotAfter})
	pair, err := config.GetClientCertificate(nil)
	if err != nil || pair.Leaf.SerialNumber.Int64() != 4 {
		t.Fatalf("the certificate is %v, error %v, want the new one, number 4", pair.Leaf.SerialNumber, err)
	}
}

// TestKafkaSecurityValidate: what contradicts itself, and what does not.
func TestKafkaSecurityValidate(t *testing.T) {
	t.Parallel()
	f := func(s KafkaSecurity, want ...string) {
		t.Helper()
		err := s.Validate()
		if len(want) == 0 && err != nil {
			t.Errorf("%+v: %v", s, err)
		}
		for _, text := range want {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%+v: got %v, want %q in it", s, err, text)
			}
		}
	}
	f(KafkaSecurity{})
	f(KafkaSecurity{TLS: true})
	f(KafkaSecurity{Mechanism: MechanismPlain, User: "u", Password: "p"})
	f(KafkaSecurity{CAFile: "ca.pem"}, "TLS is off")
	f(KafkaSecurity{TLS: true, KeyFile: "key.pem"}, "need each other")
	f(KafkaSecurity{Mechanism: "GSSAPI", User: "u", Password: "p"}, `"GSSAPI" is not PLAIN`)
	f(KafkaSecurity{Mechanism: MechanismPlain, User: "u"}, "needs a user and a password")
	f(KafkaSecurity{Password: "p", CertificateFile: "c.pem"}, "no SASL mechanism", "TLS is off", "need each other")

	missing := filepath.Join(t.TempDir(), "missing.pem")
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, s := range []KafkaSecurity{
		{TLS: true, CAFile: missing},
		{TLS: true, CAFile: empty},
		{TLS: true, CertificateFile: missing, KeyFile: missing},
		{Mechanism: "GSSAPI", User: "u", Password: "p"},
	} {
		if _, err := s.options(); err == nil {
			t.Errorf("%+v makes options", s)
		}
	}
}
