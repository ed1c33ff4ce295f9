//go:build unix && !linux

package proc

import "syscall"

// keepersWork says that a process can be made the parent of all that comes of another.
const keepersWork = false

func isAdmin() bool { return false }

// KeepRights has nothing to do where programs are not started with some of root's rights.
func KeepRights() {}

func (w Walls) attr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// KeeperMain is for Linux alone.
func KeeperMain() int { return 1 }
