package edge

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipwayhq/slipway/internal/edge/certs"
	"github.com/slipwayhq/slipway/internal/edge/count"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/spool"
	"github.com/slipwayhq/slipway/internal/wire"
)

// Edge is the front proxy. Make it with New, then Run it once.
type Edge struct {
	opts    Options
	boot    string
	key     string // clients without a cookie are hashed with it
	started time.Time

	table     atomic.Pointer[table]
	applying  sync.Mutex
	tables    *tables
	counter   *count.Counter
	snapshots *snapshots
	spool     *spool.Spool
	server    *server
	conns     *conns

	transport *http.Transport
	buffers   *buffers
	exchanges sync.Pool
	quiet     *log.Logger

	// alive ends when the edge gives up on what is still under way.
	alive context.Context //nolint:containedctx // the life of the edge itself, which its callbacks ask for
	kill  context.CancelFunc
	drain chan struct{} // a successor accepts
	stop  chan struct{} // told to end
	ready chan struct{} // visitors are served
	tcp   atomic.Pointer[net.TCPListener]

	// Where visitors are served by TLS, and one of the two that their certificates come from; the authority, which needs the listeners, from Run on.
	secured   atomic.Pointer[net.TCPListener]
	pair      *certs.Pair
	authority atomic.Pointer[certs.Authority]
}

// New makes an edge and loads what its folder holds: the last snapshot is in force from the first request on. Nothing runs before Run.
func New(opts Options) (*Edge, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the edge's folder: %w", err)
	}
	e := &Edge{
		opts: opts, boot: event.NewKey("boot", opts.Clock()), started: opts.Clock(),
		server: newServer(opts), conns: newConns(), buffers: newBuffers(), transport: newTransport(opts),
		quiet: slog.NewLogLogger(opts.Logger.Handler(), slog.LevelDebug),
		drain: make(chan struct{}, 1), stop: make(chan struct{}, 1), ready: make(chan struct{}),
	}
	e.snapshots = newSnapshots(opts.Dir, func() wire.Snapshot { return e.table.Load().snapshot })
	e.exchanges.New = func() any { return newExchange(e) }
	if err = e.openPair(); err != nil {
		return nil, err
	}
	if e.key, err = openKey(opts.Dir); err != nil {
		return nil, err
	}
	if e.counter, err = count.New(opts.ID, e.boot, filepath.Join(opts.Dir, "count")); err != nil {
		return nil, err
	}
	if e.spool, err = spool.Open(filepath.Join(opts.Dir, "spool"), e.boot, opts.SpoolLimit, opts.Logger); err != nil {
		return nil, err
	}
	e.tables = &tables{counter: e.counter, host: opts.Host, backends: map[backendKey]*watched{}}
	e.alive, e.kill = context.WithCancel(context.Background())
	e.restore()
	return e, nil
}

// restore puts the last snapshot into force. Without one the edge waits for the server's.
func (e *Edge) restore() {
	e.table.Store(&table{})
	snap, ok, err := e.snapshots.load()
	if ok && err == nil {
		err = e.apply(snap)
	}
	if err != nil {
		e.opts.Logger.Error("the last snapshot is of no use; waiting for the server's", "error", err)
	}
}

// apply puts a snapshot into force. Requests under way finish under the one before.
func (e *Edge) apply(snap wire.Snapshot) error {
	e.applying.Lock()
	defer e.applying.Unlock()
	t, err := e.tables.build(e.alive, snap)
	if t == nil {
		return err
	}
	e.table.Store(t)
	if err != nil {
		e.opts.Logger.Error("counting goes on without its disk", "error", err)
	}
	return nil
}

// Ready is closed when visitors are served.
func (e *Edge) Ready() <-chan struct{} { return e.ready }

// Addr is the address of Options.Listen, empty before Ready.
func (e *Edge) Addr() string { return address(&e.tcp) }

// TLSAddr is the address visitors are served at by TLS, empty before Ready and where they are served in plain.
func (e *Edge) TLSAddr() string { return address(&e.secured) }

func address(p *atomic.Pointer[net.TCPListener]) string {
	if l := p.Load(); l != nil {
		return l.Addr().String()
	}
	return ""
}

// newTransport makes the way to the backends: connections are kept, answers passed as they are, HTTP/1.1 only.
func newTransport(o Options) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 2 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		MaxIdleConnsPerHost: 1024, IdleConnTimeout: 30 * time.Second, DisableCompression: true, Protocols: protocols,
		ResponseHeaderTimeout: o.HeaderTimeout, ExpectContinueTimeout: time.Second,
	}
}

// buffers lends the buffers that bodies are copied through.
type buffers struct{ pool sync.Pool }

const bufferSize = 32 << 10

func newBuffers() *buffers {
	return &buffers{pool: sync.Pool{New: func() any { return new([bufferSize]byte) }}}
}

// Get lends a buffer.
func (b *buffers) Get() []byte { return b.pool.Get().(*[bufferSize]byte)[:] }

// Put takes it back.
func (b *buffers) Put(buf []byte) { b.pool.Put((*[bufferSize]byte)(buf)) }

// seconds closes a second at each full second of the wall clock until ctx ends. When the clock jumps, a second is named by the new time, and lasts
// at most one second more than it should.
func (e *Edge) seconds(ctx context.Context) {
	start := e.opts.Clock()
	for {
		boundary := start.Truncate(time.Second).Add(time.Second)
		wait := min(max(boundary.Sub(e.opts.Clock().Round(0)), 0), time.Second)
		pause(ctx, wait)
		e.closeSecond(start)
		if ctx.Err() != nil {
			return
		}
		// A timer that fires a little early must not open the same second again.
		if start = e.opts.Clock().Round(0); start.Before(boundary) && boundary.Sub(start) < time.Second/2 {
			start = boundary
		}
	}
}

func (e *Edge) closeSecond(start time.Time) {
	second, ok, err := e.counter.Close(start)
	if err != nil {
		e.opts.Logger.Error("counting goes on without its disk", "error", err)
	}
	if ok {
		e.spool.Put(second)
	}
}
