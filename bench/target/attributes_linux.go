package target

import "syscall"

// childAttributes keep a Ctrl-C in the terminal from reaching the child before
// us, and end it when we are killed.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
