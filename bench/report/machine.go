package report

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// Machine says where a figure comes from.
type Machine struct {
	Processor string `json:"processor"`
	Cores     int    `json:"cores"`
	Memory    string `json:"memory"`
	Kernel    string `json:"kernel"`
	Go        string `json:"go"`
	Weir      string `json:"weir"` // what its version command says
}

// DescribeMachine describes this machine, and the weir binary at a path, "" for one
// that somebody else started.
func DescribeMachine(weir string) Machine {
	m := Machine{
		Processor: valueIn("/proc/cpuinfo", "model name"),
		Cores:     runtime.NumCPU(),
		Memory:    valueIn("/proc/meminfo", "MemTotal"),
		Kernel:    "unknown",
		Go:        runtime.Version(),
		Weir:      "not started by this run",
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(release))
	}
	if weir != "" {
		m.Weir = "unknown"
		if out, err := exec.Command(weir, "version").Output(); err == nil {
			m.Weir = strings.TrimSpace(string(out))
		}
	}
	return m
}

// valueIn returns what stands after "name:" in a file of /proc.
func valueIn(path, name string) string {
	file, err := os.Open(path)
	if err != nil {
		return "unknown"
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores, %s, Linux %s; generator %s, server %s", m.Processor, m.Cores, m.Memory, m.Kernel, m.Go, m.Weir)
}
