//go:build !linux

package target

import "syscall"

// childAttributes keep a Ctrl-C in the terminal from reaching the child before us.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
