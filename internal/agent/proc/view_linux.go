package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// isAdmin reports whether this process may arrange namespaces as it is.
func isAdmin() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&header, &data[0]) != nil {
		return false
	}
	return data[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0
}

// KeepRights keeps rights that this program was started with (systemd's AmbientCapabilities) from all that it starts.
func KeepRights() {
	// A program with C in it cannot tell all its threads; then it is as it was started.
	_, _, _ = syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0, 0)
}

// giveUpRights leaves this thread, and what it starts, with the rights of an ordinary user.
func giveUpRights() error {
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("give up inherited rights: %w", err)
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		return fmt.Errorf("give up rights: %w", err)
	}
	return nil
}

// stayUser has this process's namespace of users know its user and group by their own numbers, and nobody else.
func stayUser(user, group int) error {
	for _, line := range []struct{ file, text string }{
		{"setgroups", "deny"}, // the kernel's condition for the next
		{"gid_map", fmt.Sprintf("%d %d 1", group, group)},
		{"uid_map", fmt.Sprintf("%d %d 1", user, user)},
	} {
		if err := os.WriteFile("/proc/self/"+line.file, []byte(line.text), 0); err != nil {
			return fmt.Errorf("keep the user in a namespace: %w", err)
		}
	}
	return nil
}

// ownProc lets /proc show this process's namespace. Numbers of processes begin somewhere else each time: scripts take them for unique ($$) over the machine and over time.
func ownProc() error {
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	text, err := os.ReadFile("/proc/sys/kernel/pid_max")
	most, err2 := strconv.Atoi(strings.TrimSpace(string(text)))
	if err == nil && err2 == nil && most > 1000 {
		_ = os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(strconv.Itoa(300+rand.IntN(most-1000))), 0) // a kernel without it counts from 2
	}
	return nil
}

// shown is something that stays in sight, held by a descriptor while a folder above it is hidden.
type shown struct {
	path string
	fd   int
	file bool
	read bool
}

// arrange makes the view this process's own, and that of all it starts. What is mounted on the machine later shows here too, but nothing that is mounted here shows there.
func (v View) arrange() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("make mounts of one's own: %w", err)
	}
	var all []shown
	defer func() {
		for _, s := range all {
			_ = unix.Close(s.fd) // nothing was done with it
		}
	}()
	for i, path := range append(append([]string{}, v.Keep...), v.Read...) {
		s, err := hold(path)
		if err != nil {
			return err
		}
		s.read = i >= len(v.Keep)
		all = append(all, s)
	}
	for _, folder := range v.Hide {
		if err := unix.Mount("slipway", folder, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755,size=1m"); err != nil {
			return fmt.Errorf("hide %s: %w", folder, err)
		}
	}
	for _, s := range all {
		if err := s.show(); err != nil {
			return fmt.Errorf("show %s: %w", s.path, err)
		}
	}
	for _, folder := range v.Hide {
		if err := unix.Mount("", folder, "", unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV, ""); err != nil {
			return fmt.Errorf("close %s: %w", folder, err)
		}
	}
	return nil
}

func hold(path string) (shown, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return shown{}, fmt.Errorf("open %s: %w", path, err)
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return shown{}, errors.Join(fmt.Errorf("look at %s: %w", path, err), unix.Close(fd))
	}
	return shown{path: path, fd: fd, file: stat.Mode&unix.S_IFMT != unix.S_IFDIR}, nil
}

// show brings it back to its place.
func (s shown) show() error {
	if err := s.place(); err != nil {
		return err
	}
	if err := unix.Mount("/proc/self/fd/"+strconv.Itoa(s.fd), s.path, "", unix.MS_BIND|unix.MS_REC, ""); err != nil || !s.read {
		return err
	}
	// What the mount was not allowed before it must not be allowed now.
	var stat unix.Statfs_t
	if err := unix.Statfs(s.path, &stat); err != nil {
		return err
	}
	flags := uintptr(unix.MS_REMOUNT | unix.MS_BIND | unix.MS_RDONLY)
	for _, same := range [][2]int64{
		{unix.ST_NOSUID, unix.MS_NOSUID}, {unix.ST_NODEV, unix.MS_NODEV}, {unix.ST_NOEXEC, unix.MS_NOEXEC},
		{unix.ST_NOATIME, unix.MS_NOATIME}, {unix.ST_NODIRATIME, unix.MS_NODIRATIME}, {unix.ST_RELATIME, unix.MS_RELATIME},
	} {
		if stat.Flags&same[0] != 0 {
			flags |= uintptr(same[1])
		}
	}
	return unix.Mount("", s.path, "", flags, "")
}

// place makes what is mounted on, where hiding took it away.
func (s shown) place() error {
	dir := s.path
	if s.file {
		dir = filepath.Dir(s.path)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil || !s.file {
		return err
	}
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return errors.Join(err, f.Close())
}
