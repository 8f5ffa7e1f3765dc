package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// broker is an Apache Kafka of a test's own, which the test may kill.
type broker struct {
	t       *testing.T
	dir     string
	address string
	env     []string
}

// newBroker starts a broker on free ports; it ends with the test.
func newBroker(t *testing.T) *broker {
	t.Helper()
	b := &broker{t: t, dir: testDir(t), address: freeAddress(t)}
	_, port, err := net.SplitHostPort(b.address)
	if err != nil {
		t.Fatal(err)
	}
	_, controllerPort, err := net.SplitHostPort(freeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	b.env = append(os.Environ(), "KAFKA_PORT="+port, "KAFKA_CONTROLLER_PORT="+controllerPort, "KAFKA_HEAP=256m")
	t.Cleanup(func() { b.run("stop") })
	b.run("start")
	return b
}

// run runs kafka.sh on the broker's data.
func (b *broker) run(command string) {
	b.t.Helper()
	cmd := exec.Command("../../deploy/kafka/kafka.sh", command, b.dir)
	cmd.Env = b.env
	if out, err := cmd.CombinedOutput(); err != nil {
		b.t.Fatalf("kafka.sh %s: %v\n%s", command, err, out)
	}
}

// kill ends the broker as a crash does.
func (b *broker) kill() {
	b.t.Helper()
	file, err := os.ReadFile(filepath.Join(b.dir, "pid"))
	if err != nil {
		b.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(file)))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		b.t.Fatal(err)
	}
	eventually(b.t, 10*time.Second, func() error {
		conn, err := net.Dial("tcp", b.address)
		if err != nil {
			return nil
		}
		return errors.Join(errors.New("the broker still takes connections"), conn.Close())
	})
}

// checkReadiness waits until /readyz answers with the status.
func (w *weir) checkReadiness(status int) {
	w.t.Helper()
	eventually(w.t, 30*time.Second, func() error {
		res, err := http.Get(w.ops + "/readyz")
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != status {
			return errors.New("readyz: " + res.Status)
		}
		return nil
	})
}

// TestKafkaBrokerRestart: Kafka's only broker dies under load and comes back. A
// short outage costs senders nothing but time; a long one is answered with 503,
// shown by readiness, and over when the broker is back. What was acknowledged
// counts, what was not counts after it is sent again, and nothing counts twice.
func TestKafkaBrokerRestart(t *testing.T) {
	t.Parallel()
	kafkaBrokers(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	b := newBroker(t)
	w := newInstallation(t, b.address).start("all", "WEIR_DATA_DIR="+testDir(t))
	w.waitReady()
	c := newClient(w.url, rolesKey)
	createCrashPlan(t, c)
	load := &crashLoad{rand: rand.New(rand.NewPCG(seed, 1))}

	underLoad(t, c, load, func(<-chan error) {
		b.kill()
		b.run("start")
	})
	if len(load.unacked) > 0 {
		t.Errorf("%d requests failed for a short outage", len(load.unacked))
	}
	short := len(load.acked)

	underLoad(t, c, load, func(failed <-chan error) {
		b.kill()
		w.checkReadiness(http.StatusServiceUnavailable)
		select {
		case err := <-failed:
			if !strings.HasPrefix(err.Error(), "status 503") {
				t.Errorf("without a broker a request is answered with %v, not 503", err)
			}
		case <-time.After(time.Minute):
			t.Error("without a broker a request is not answered within a minute")
		}
		b.run("start")
		w.checkReadiness(http.StatusOK)
	})
	t.Logf("%d requests acknowledged, %d of them before the second outage; %d failed", len(load.acked), short, len(load.unacked))
	load.resend(t, c)
	checkCrashUsage(t, c, load)
}

// underLoad sends new events from several senders, and once that is well under
// way runs do, which learns the first failure. It returns when every request has its answer.
func underLoad(t *testing.T, c *client, load *crashLoad, do func(failed <-chan error)) {
	t.Helper()
	const answersBefore = 25 // of each sender
	ctx, cancel := context.WithCancel(t.Context())
	failed, warm := make(chan error, 1), make(chan struct{}, crashSenders)
	var senders sync.WaitGroup
	for range crashSenders {
		senders.Go(func() {
			for answers := 1; ctx.Err() == nil; answers++ {
				if err := load.send(t.Context(), c, load.next(t)); err != nil {
					select {
					case failed <- err:
					default: // one is enough
					}
				}
				if answers == answersBefore {
					warm <- struct{}{}
				}
			}
		})
	}
	defer senders.Wait()
	defer cancel()
	for range crashSenders {
		<-warm
	}
	do(failed)
}
