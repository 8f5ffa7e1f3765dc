package target

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is USER_HZ, which Linux fixes for all programs.
const ticksPerSecond = 100

// CPU returns how much processor time the child has taken so far, user and
// system; its PostgreSQL is another process and not in it.
func (c *Child) CPU() (time.Duration, error) { return ProcessCPU(c.PID) }

// ProcessCPU returns how much processor time a process has taken so far, user and system.
func ProcessCPU(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("cannot read processor time: %w", err)
	}
	return parseStat(stat)
}

// parseStat reads utime and stime, fields 14 and 15 of /proc/pid/stat. The second
// field is the program's name, which may contain anything; fields are counted from its end.
func parseStat(stat []byte) (time.Duration, error) {
	end := bytes.LastIndexByte(stat, ')')
	fields := bytes.Fields(stat[end+1:]) // from field 3 on
	if end < 0 || len(fields) < 13 {
		return 0, fmt.Errorf("cannot read processor time from %q", stat)
	}
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("cannot read processor time: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}

// MemoryBytes returns the child's resident memory, at its highest.
func (c *Child) MemoryBytes() (int64, error) { return c.memory("VmHWM:") }

// MemoryNow returns the child's resident memory as it is now.
func (c *Child) MemoryNow() (int64, error) { return c.memory("VmRSS:") }

func (c *Child) memory(name string) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.PID))
	if err != nil {
		return 0, fmt.Errorf("cannot read memory: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		if kilobytes, ok := strings.CutPrefix(line, name); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(kilobytes), " kB"), 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("cannot read memory: no %s in /proc/%d/status", name, c.PID)
}
