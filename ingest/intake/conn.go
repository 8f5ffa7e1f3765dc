package intake

import (
	"io"
	"net"
	"time"
)

// Bounds of a lingering close: how long, and how much unread input is thrown away.
const (
	lingerTimeout  = time.Second
	lingerBytesMax = 16 << 20
)

// listener hands out connections that can linger.
type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c, nil
	}
	return &conn{TCPConn: tcp}, nil
}

// conn is a connection whose Close can let the client read the answer first.
//
// To close a socket that has unread input makes the kernel send a reset, which
// throws away the answer on the client's side. So a request that is refused
// before all of it was read ends with half a close, and its rest is read and dropped,
// within bounds. Only the goroutine that serves the connection touches lingers.
type conn struct {
	*net.TCPConn
	lingers bool
}

// Close closes the connection; a lingering one after the client had its chance.
func (c *conn) Close() error {
	if c.lingers {
		c.lingers = false
		c.drain()
	}
	return c.TCPConn.Close()
}

// drain ends our side and drops what the client still sends. Its errors mean
// that the client is gone or slow, and the connection is closed either way.
func (c *conn) drain() {
	if c.CloseWrite() != nil || c.SetReadDeadline(time.Now().Add(lingerTimeout)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, c.TCPConn, lingerBytesMax)
}

// linger asks for a lingering close, where the connection knows how.
func linger(c net.Conn) {
	if c, ok := c.(*conn); ok {
		c.lingers = true
	}
}
