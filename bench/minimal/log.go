package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	groups        = 4       // being filled, written or counted
	groupBytesMax = 1 << 20 // where a group is full; the request that fills it may pass it
	groupHead     = 8       // length and CRC-32C of what follows, little endian
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errEnd     = errors.New("the log is closed")
)

// group is what is synced together: requests append to it while the one before is
// written. Then it is the counter's, and after that it is filled again.
type group struct {
	bytes []byte // groupHead and records
	done  *outcome
}

// outcome is how a group's sync went; err is read after ended.
type outcome struct {
	ended chan struct{}
	err   error
}

func (g *group) reset() {
	g.bytes, g.done = g.bytes[:groupHead], &outcome{ended: make(chan struct{})}
}

// log is one file, which only grows.
type log struct {
	file *os.File
	in   chan<- work // the counter's
	free chan *group

	mu     sync.Mutex
	change sync.Cond // of what follows
	open   *group
	closed bool
}

func openLog(path string, in chan<- work) (*log, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("cannot make a log: %w", err)
	}
	l := &log{file: file, in: in, free: make(chan *group, groups)}
	l.change.L = &l.mu
	for range groups {
		g := &group{bytes: make([]byte, groupHead, 2*groupBytesMax)}
		g.reset()
		l.free <- g
	}
	l.open = <-l.free
	return l, nil
}

// append returns when records are on the disk. They are copied.
func (l *log) append(records []byte) error {
	l.mu.Lock()
	for len(l.open.bytes) > groupBytesMax && !l.closed {
		l.change.Wait()
	}
	if l.closed {
		l.mu.Unlock()
		return errEnd
	}
	g, done := l.open, l.open.done
	if len(g.bytes) == groupHead {
		l.change.Broadcast()
	}
	g.bytes = append(g.bytes, records...)
	l.mu.Unlock()
	<-done.ended
	return done.err
}

// run writes groups until the log is closed, or until a sync fails: what is on the disk
// then, nobody knows.
func (l *log) run() error {
	for next := range l.free {
		g := l.take(next)
		if g == nil {
			break
		}
		done := g.done
		done.err = l.write(g.bytes)
		if done.err != nil {
			l.close()
			close(done.ended)
			return done.err
		}
		l.in <- work{group: g, free: l.free} // before the answers: who then asks is told of it
		close(done.ended)
	}
	return l.file.Close()
}

// take waits for records and returns their group; nil: the log is closed and empty.
func (l *log) take(next *group) *group {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.open.bytes) == groupHead {
		if l.closed {
			return nil
		}
		l.change.Wait()
	}
	g := l.open
	l.open = next
	l.change.Broadcast()
	return g
}

func (l *log) write(bytes []byte) error {
	binary.LittleEndian.PutUint32(bytes, uint32(len(bytes)-groupHead))
	binary.LittleEndian.PutUint32(bytes[4:], crc32.Checksum(bytes[groupHead:], castagnoli))
	if _, err := l.file.Write(bytes); err != nil {
		return fmt.Errorf("cannot write the log: %w", err)
	}
	if err := unix.Fdatasync(int(l.file.Fd())); err != nil {
		return fmt.Errorf("cannot sync the log: %w", err)
	}
	return nil
}

// close refuses further records. It may be called again.
func (l *log) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.change.Broadcast()
}
