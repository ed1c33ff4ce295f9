package control

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// socketName is the name of the socket in the edge's folder.
const socketName = "edge.sock"

// pathLimit is what fits into a socket's address, 108 bytes with the zero at its end, less what a temporary name adds.
const pathLimit = 90

// short gives a path for the socket that fits; close it after use.
func short(dir, name string) (path string, done func(), err error) {
	if path = filepath.Join(dir, name); len(path) <= pathLimit {
		return path, func() {}, nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return "", nil, fmt.Errorf("open the edge's folder: %w", err)
	}
	return "/proc/self/fd/" + strconv.Itoa(int(f.Fd())) + "/" + name, func() { _ = f.Close() }, nil
}

// listen makes the socket under another name first and renames it, so that there is never a moment without one.
func listen(dir string) (*net.UnixListener, error) {
	temp := socketName + "." + strconv.Itoa(os.Getpid())
	if err := os.Remove(filepath.Join(dir, temp)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("make the edge's socket: %w", err)
	}
	path, done, err := short(dir, temp)
	if err != nil {
		return nil, err
	}
	defer done()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("make the edge's socket: %w", err)
	}
	l.SetUnlinkOnClose(false) // by then it may be the successor's
	if err := os.Chmod(filepath.Join(dir, temp), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("make the edge's socket: %w", err), l.Close())
	}
	if err := os.Rename(filepath.Join(dir, temp), filepath.Join(dir, socketName)); err != nil {
		return nil, errors.Join(fmt.Errorf("make the edge's socket: %w", err), l.Close())
	}
	return l, nil
}

// dial connects to the running edge.
func dial(dir string) (*net.UnixConn, error) {
	path, done, err := short(dir, socketName)
	if err != nil {
		return nil, err
	}
	defer done()
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("reach the running edge: %w", err)
	}
	return c, nil
}
