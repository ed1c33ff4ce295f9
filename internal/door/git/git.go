package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// Options of a Door.
type Options struct {
	DB     *db.DB
	Access *access.Service
	// Dir keeps the repositories: <Dir>/<app>.git.
	Dir string
	// URL is where people reach the server, without a slash at the end; the pusher is given links below it.
	URL string
	// HookExe is the program that git starts as a hook, with the arguments "git-hook <name>": it calls HookMain. Empty means this program.
	HookExe string
	// AgentAuth tells which agent a credential belongs to. Agents may fetch from every app. Nil means that there are none.
	AgentAuth func(ctx context.Context, credential string) (agent string, ok bool)
	// Follow writes lines about what becomes of a commit, until the verdict of its tests or until ctx ends. Nil writes none.
	Follow func(ctx context.Context, app, env, commit string, line func(string)) error
	// ReviewPlan says what the plan of events that a commit declares would break once it counts, a sentence each. Nil foresees nothing.
	ReviewPlan func(ctx context.Context, app string, p track.Plan, m *manifest.Manifest) ([]string, error)
	// MaxPush is how large a push may be, in bytes; 0 means 2 GiB.
	MaxPush int64
	// MaintainEvery is how often repositories are repacked where they need it; 0 means hourly.
	MaintainEvery time.Duration
	Logger        *slog.Logger
}

// Door serves git. Run it for pushes to work.
type Door struct {
	opts   Options
	log    *slog.Logger
	git    string // path of the program
	socket string
	// socketDir holds the socket where the hooks' folder has too long a path, else empty.
	socketDir string
	hooks     net.Listener
	// keepAlive is after how many quiet seconds git sends an empty packet to the pusher.
	keepAlive int

	mu         sync.Mutex
	locks      map[string]chan struct{}
	pushes     map[string]*push  // by random name
	complaints map[string]string // by app: what was last logged of its repository
}

// New opens the door: it finds git, makes the folders and hooks, and listens on a socket of its own for the hooks.
func New(o Options) (*Door, error) {
	if o.MaxPush == 0 {
		o.MaxPush = 2 << 30
	}
	if o.MaintainEvery == 0 {
		o.MaintainEvery = time.Hour
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("find the folder of the repositories: %w", err)
	}
	o.Dir = dir
	if o.HookExe == "" {
		if o.HookExe, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("find this program, for git's hooks: %w", err)
		}
	}
	d := &Door{opts: o, log: o.Logger, keepAlive: 5, locks: map[string]chan struct{}{}, pushes: map[string]*push{}, complaints: map[string]string{}}
	if d.git, err = exec.LookPath("git"); err != nil {
		return nil, fmt.Errorf("find git: %w; install it (apt-get install git)", err)
	}
	if err := d.writeHooks(); err != nil {
		return nil, err
	}
	if err := d.makeEmpty(context.Background()); err != nil {
		return nil, err
	}
	return d, d.listen()
}

// maxSocket is how long the path of a socket can be, in bytes, on every system we run on.
const maxSocket = 100

// listen opens the socket of the hooks in their folder, which nobody else can enter. Where its path is too long for a socket, it gets a folder of its own.
func (d *Door) listen() error {
	d.socket = filepath.Join(d.hooksDir(), "socket")
	if len(d.socket) > maxSocket {
		dir, err := os.MkdirTemp("", "slipway-hooks-") // mode 0700
		if err != nil {
			return fmt.Errorf("make a folder for the hooks' socket: %w", err)
		}
		d.socketDir, d.socket = dir, filepath.Join(dir, "s")
	}
	if err := os.Remove(d.socket); err != nil && !errors.Is(err, fs.ErrNotExist) { // left by a server that was killed
		return fmt.Errorf("make way for the hooks' socket: %w", err)
	}
	var err error
	if d.hooks, err = (&net.ListenConfig{}).Listen(context.Background(), "unix", d.socket); err != nil {
		return fmt.Errorf("listen for git's hooks: %w", err)
	}
	return nil
}

// Close gives up the socket of a door that was never Run.
func (d *Door) Close() error {
	err := d.hooks.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil // Run's end has closed it
	}
	if d.socketDir != "" {
		err = errors.Join(err, os.RemoveAll(d.socketDir))
	}
	return err
}

// Run settles what an earlier run left open, then serves the hooks and repacks repositories, until ctx ends.
func (d *Door) Run(ctx context.Context) error {
	defer d.Close()
	started := time.Now()
	if err := errors.Join(d.dropLocks(started.Add(-lockGrace)), d.dropUnused()); err != nil {
		d.log.Error("repositories not tidied", "error", err)
	}
	if err := d.settleAll(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { d.maintain(ctx, started) })
	stop := context.AfterFunc(ctx, func() { _ = d.hooks.Close() })
	defer stop()
	for {
		conn, err := d.hooks.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("wait for git's hooks: %w", err)
		}
		wg.Go(func() { d.serveHook(ctx, conn) })
	}
}

// lock takes an app's lock, and gives what releases it.
func (d *Door) lock(ctx context.Context, app string) (unlock func(), err error) {
	d.mu.Lock()
	ch := d.locks[app]
	if ch == nil {
		ch = make(chan struct{}, 1)
		d.locks[app] = ch
	}
	d.mu.Unlock()
	select {
	case ch <- struct{}{}:
		return sync.OnceFunc(func() { <-ch }), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for another push to %s: %w", app, context.Cause(ctx))
	}
}
