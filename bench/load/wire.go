package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"weir/bench/target"
)

// Limits of one answer.
const (
	answerHeadMax  = 64 << 10 // bytes
	answerBodyMax  = 64 << 20 // bytes
	requestTimeout = 30 * time.Second
	// deadlineStep is how seldom a deadline is set anew.
	deadlineStep = time.Second
)

// wire is a connection that is kept alive, with as little between the caller and the
// kernel as can be: the generator shares the machine with what it measures. Requests
// are written as they are, several at a time if need be; answers come in their order.
// It knows as much of HTTP/1.1 as weir's answers need. After an error it is of no more
// use. It is used by one goroutine.
//
// The calls of the kernel are raw: they never wait, and so the runtime need not know of
// them. One that it knows of and that takes more than 20 µs keeps its monitor awake, which
// took a seventh of the generator's processor time.
type wire struct {
	conn  net.Conn
	raw   syscall.RawConn
	until time.Time // the deadline that is set
	in    []byte
	from  int // in[from:to] was received and not used yet
	to    int

	send, fetch func(fd uintptr) bool // w.trySend and w.tryFetch, made once
	out         []byte                // of the write under way, what is not written yet
	fault       syscall.Errno         // of the last call
}

// answer is one response. Its slices are valid until the next read of the wire.
type answer struct {
	status    int
	body      []byte
	positions []byte // value of target.PositionHeader
	later     bool   // it says Retry-After
}

func dial(ctx context.Context, address string) (*wire, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot connect: %w", err)
	}
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("cannot connect: %w", err)
	}
	w := &wire{conn: conn, raw: raw, in: make([]byte, 64<<10)}
	w.send, w.fetch = w.trySend, w.tryFetch
	return w, nil
}

// addressOf returns host:port of a URL, which must be plain HTTP.
func addressOf(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", fmt.Errorf("cannot read URL: %w", err)
	}
	if u.Scheme != "http" {
		return "", fmt.Errorf("cannot load %s: only http is spoken here", raw)
	}
	if u.Port() == "" {
		return net.JoinHostPort(u.Hostname(), "80"), nil
	}
	return u.Host, nil
}

// write sends bytes of one request or of several. The whole exchange, with the
// answers, has requestTimeout from here, or up to deadlineStep more.
func (w *wire) write(request []byte) error {
	if now := time.Now(); now.Add(requestTimeout).After(w.until) {
		w.until = now.Add(requestTimeout + deadlineStep)
		if err := w.conn.SetDeadline(w.until); err != nil {
			return fmt.Errorf("cannot send request: %w", err)
		}
	}
	w.out = request
	if err := w.raw.Write(w.send); err != nil {
		return fmt.Errorf("cannot send request: %w", err)
	}
	if w.fault != 0 {
		return fmt.Errorf("cannot send request: %w", w.fault)
	}
	return nil
}

// trySend writes what the socket takes; false says that there is more.
func (w *wire) trySend(fd uintptr) bool {
	for len(w.out) > 0 {
		n := w.call(syscall.SYS_WRITE, fd, w.out)
		if w.fault != 0 {
			return w.fault != syscall.EAGAIN
		}
		w.out = w.out[n:]
	}
	return true
}

// tryFetch reads what the socket has behind what there is; false says that it has nothing.
func (w *wire) tryFetch(fd uintptr) bool {
	n := w.call(syscall.SYS_READ, fd, w.in[w.to:])
	if w.fault == 0 {
		w.to += n
	}
	return w.fault != syscall.EAGAIN
}

// call reads or writes bytes and returns how many; fault says what went wrong.
func (w *wire) call(number, fd uintptr, p []byte) int {
	for {
		n, _, errno := syscall.RawSyscall(number, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		if errno != syscall.EINTR {
			w.fault = errno
			return int(n)
		}
	}
}

// read returns the next answer.
func (w *wire) read() (answer, error) {
	a, err := w.readAnswer()
	if err != nil {
		return answer{}, fmt.Errorf("cannot read answer: %w", err)
	}
	return a, nil
}

func (w *wire) close() { _ = w.conn.Close() } // what it carried is answered, or lost

// receive waits for more bytes; what is there moves to the front, and the buffer
// grows when it is full.
func (w *wire) receive() error {
	if w.from > 0 {
		w.to = copy(w.in, w.in[w.from:w.to])
		w.from = 0
	}
	if w.to == len(w.in) {
		w.in = append(w.in, make([]byte, len(w.in))...)
	}
	had := w.to
	if err := w.raw.Read(w.fetch); err != nil {
		return err
	}
	if w.fault != 0 {
		return w.fault
	}
	if w.to == had {
		return io.EOF
	}
	return nil
}

var (
	headEnd = []byte("\r\n\r\n")
	lineEnd = []byte("\r\n")

	contentLengthName = []byte("content-length")
	laterName         = []byte("retry-after")
	encodingName      = []byte("transfer-encoding")
	positionName      = bytes.ToLower([]byte(target.PositionHeader))
)

func (w *wire) readAnswer() (answer, error) {
	var end int
	for {
		if end = bytes.Index(w.in[w.from:w.to], headEnd); end >= 0 {
			break
		}
		if w.to-w.from > answerHeadMax {
			return answer{}, errors.New("its head is too long")
		}
		if err := w.receive(); err != nil {
			return answer{}, err
		}
	}
	head := w.in[w.from : w.from+end+len(lineEnd)]
	length, chunked, a, err := readHead(head)
	if err != nil {
		return answer{}, err
	}
	w.from += end + len(headEnd)
	if chunked {
		a.positions = bytes.Clone(a.positions) // chunks may move the buffer
		a.body, err = w.readChunks()
		return a, err
	}
	if length > answerBodyMax {
		return answer{}, fmt.Errorf("its body of %d bytes is too long", length)
	}
	if w.to-w.from < length {
		a.positions = bytes.Clone(a.positions)
	}
	for w.to-w.from < length {
		if err := w.receive(); err != nil {
			return answer{}, err
		}
	}
	a.body = w.in[w.from : w.from+length]
	w.from += length
	return a, nil
}

// readHead reads a status line and the headers that matter.
func readHead(head []byte) (length int, chunked bool, a answer, err error) {
	line, rest, _ := bytes.Cut(head, lineEnd)
	if len(line) < len("HTTP/1.1 200") || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, false, a, fmt.Errorf("status line is %q", line)
	}
	if a.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, false, a, fmt.Errorf("status line is %q", line)
	}
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, lineEnd)
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, contentLengthName):
			if length, err = strconv.Atoi(string(value)); err != nil || length < 0 {
				return 0, false, a, fmt.Errorf("content length is %q", value)
			}
		case bytes.EqualFold(name, encodingName):
			chunked = bytes.EqualFold(value, []byte("chunked"))
		case bytes.EqualFold(name, positionName):
			a.positions = value
		case bytes.EqualFold(name, laterName):
			a.later = len(value) > 0
		}
	}
	return length, chunked, a, nil
}

// readChunks reads a chunked body without trailers, into memory of its own.
func (w *wire) readChunks() ([]byte, error) {
	var body []byte
	for {
		line, err := w.readLine()
		if err != nil {
			return nil, err
		}
		size, err := strconv.ParseUint(line, 16, 31)
		if err != nil || len(body)+int(size) > answerBodyMax {
			return nil, fmt.Errorf("a chunk of %q bytes", line)
		}
		for w.to-w.from < int(size)+len(lineEnd) {
			if err := w.receive(); err != nil {
				return nil, err
			}
		}
		body = append(body, w.in[w.from:w.from+int(size)]...)
		w.from += int(size) + len(lineEnd)
		if size == 0 {
			return body, nil
		}
	}
}

func (w *wire) readLine() (string, error) {
	for {
		if n := bytes.Index(w.in[w.from:w.to], lineEnd); n >= 0 {
			line := string(w.in[w.from : w.from+n])
			w.from += n + len(lineEnd)
			return line, nil
		}
		if w.to-w.from > answerHeadMax {
			return "", errors.New("a line is too long")
		}
		if err := w.receive(); err != nil {
			return "", err
		}
	}
}
