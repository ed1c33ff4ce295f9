package demo

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"github.com/slipwayhq/slipway/internal/fault"
)

// Options of a demo. The zero value is the demo that stays up.
type Options struct {
	// Once ends after the story. Its watch times are seconds, and ports are taken that are free.
	Once bool
	// Listen and EdgeListen default to 127.0.0.1:7070 and 127.0.0.1:7080.
	Listen, EdgeListen string
	// Dir keeps everything; it must be empty. Default: a temporary folder, removed at the end.
	Dir string
	// RPS is how many requests a second visitors send; default 600, with Once 900.
	RPS float64
	// Hosts and Workers default to 10 and 4.
	Hosts, Workers int
	// Exe is this program, which is started again for each agent and the edge.
	Exe     string
	Version string
	UI      fs.FS
	// Tell takes what happens, as it happens.
	Tell Narrator
	// Logger takes the server's log; default: server.log in Dir.
	Logger *slog.Logger
}

func (o Options) withDefaults() (Options, error) {
	listen, edge := "127.0.0.1:7070", "127.0.0.1:7080"
	if o.Once {
		listen, edge = "127.0.0.1:0", "127.0.0.1:0"
	}
	o.Listen, o.EdgeListen = cmp.Or(o.Listen, listen), cmp.Or(o.EdgeListen, edge)
	o.RPS = cmp.Or(o.RPS, o.pace().rps)
	o.Hosts, o.Workers = cmp.Or(o.Hosts, 10), cmp.Or(o.Workers, 4)
	if o.RPS < 1 || o.RPS > 20_000 {
		return o, fault.Invalid("--rps %g: want 1 to 20000 requests a second", o.RPS)
	}
	if o.Exe == "" {
		exe, err := os.Executable()
		if err != nil {
			return o, fmt.Errorf("find this program, to start the agents: %w", err)
		}
		o.Exe = exe
	}
	var err error
	if o.EdgeListen, err = free("edge-listen", o.EdgeListen); err != nil {
		return o, err
	}
	if o.Listen, err = free("listen", o.Listen); err != nil {
		return o, err
	}
	return o, nil
}

func (o Options) pace() pace {
	if o.Once {
		return hurried()
	}
	return watched()
}

// free checks that an address can be listened on, and takes a free port for port 0.
func free(flag, address string) (string, error) {
	l, err := net.Listen("tcp", address) //nolint:noctx // at once, on this machine
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		return "", fault.Conflict("cannot listen on %s (%v); is a demo or a server running already? Choose another address, such as --%s 127.0.0.1:0", address, err, flag)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}

// folder makes the folder, and gives what removes it at the end where it is temporary.
func (o *Options) folder() (remove func() error, err error) {
	if o.Dir == "" {
		if o.Dir, err = os.MkdirTemp("", "slipway-demo-"); err != nil {
			return nil, fmt.Errorf("make a folder for the demo: %w", err)
		}
		dir := o.Dir
		return func() error { return os.RemoveAll(dir) }, nil
	}
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return nil, fmt.Errorf("find the folder for the demo: %w", err)
	}
	if entries, err := os.ReadDir(o.Dir); err == nil && len(entries) > 0 {
		return nil, fault.Conflict("%s is not empty, and the demo begins anew: choose another --data, or remove it", o.Dir)
	}
	if err := os.MkdirAll(o.Dir, 0o600); err != nil {
		return nil, fmt.Errorf("make a folder for the demo: %w", err)
	}
	return func() error { return nil }, nil
}
