package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/slipwayhq/slipway/internal/edge/control"
	"github.com/slipwayhq/slipway/internal/fault"
)

// front is one address that visitors come to, and who answers there.
type front struct {
	*http.Server
	listen   string
	listener *net.TCPListener
}

// fronts are one address for visitors, plain or by TLS; or the plain one that sends them on, and the one with TLS.
type fronts []*front

// newFronts makes the servers. They have no listeners yet.
func (e *Edge) newFronts() fronts {
	visitors := &front{listen: e.opts.Listen, Server: e.newHTTPServer(e)}
	if e.opts.secure() {
		visitors.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: e.certificate}
		// A websocket still opens by HTTP/1.1: net/http offers no other way, so browsers make a connection for it.
		visitors.Protocols.SetHTTP2(true)
	}
	if e.opts.TLSListen == "" {
		return fronts{visitors}
	}
	visitors.listen = e.opts.TLSListen
	return fronts{{listen: e.opts.Listen, Server: e.newHTTPServer(http.HandlerFunc(e.toTLS))}, visitors}
}

func (e *Edge) newHTTPServer(h http.Handler) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 15 * time.Second, IdleTimeout: e.opts.IdleTimeout, Protocols: protocols,
		ConnState: e.conns.state, ErrorLog: e.quiet, DisableGeneralOptionsHandler: true,
		BaseContext: func(net.Listener) context.Context { return e.alive },
	}
}

// listen gives the fronts their listeners: those of the edge that runs in dir where the address is the same, else new ones.
func (fs fronts) listen(dir string) (*control.Handover, error) {
	h, err := control.Take(dir)
	if err != nil {
		return nil, err
	}
	var given []*net.TCPListener
	if h != nil {
		given = slices.Clone(h.Listeners)
	}
	for _, f := range fs {
		if i := slices.IndexFunc(given, func(l *net.TCPListener) bool { return sameAddress(f.listen, l.Addr()) }); i >= 0 {
			f.listener = given[i]
			given = slices.Delete(given, i, i+1)
			continue
		}
		l, err := net.Listen("tcp", f.listen) //nolint:noctx // a name is not looked up for long
		if err != nil {
			err = errors.Join(cannotListen(f.listen, err), fs.closeListeners())
			if h != nil {
				err = errors.Join(err, dropClosed(h.Close()))
			}
			return nil, err
		}
		f.listener = l.(*net.TCPListener)
	}
	for _, l := range given { // at an address that is no longer wanted
		err = errors.Join(err, l.Close())
	}
	return h, err
}

// cannotListen says what to do where an address cannot be taken.
func cannotListen(addr string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fault.Conflict("the edge cannot listen for visitors at %s: another program does; end it (if it is an edge: slipway edge stop), or choose another address", addr)
	case errors.Is(err, syscall.EACCES):
		return fault.Conflict("the edge may not listen for visitors at %s: ports below 1024 need a right (systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE); or choose another port", addr)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fault.Conflict("the edge cannot listen for visitors at %s: this machine has no such address; choose one of its own, or 0.0.0.0 for all", addr)
	}
	return fmt.Errorf("listen for visitors at %s: %w", addr, err)
}

// sameAddress reports whether a listener at have serves what is wanted. Port 0 wants any.
func sameAddress(wanted string, have net.Addr) bool {
	w, err := net.ResolveTCPAddr("tcp", wanted)
	h, ok := have.(*net.TCPAddr)
	if err != nil || !ok {
		return false
	}
	everywhere := (w.IP == nil || w.IP.IsUnspecified()) && h.IP.IsUnspecified()
	return (w.Port == 0 || w.Port == h.Port) && (everywhere || w.IP.Equal(h.IP))
}

// serve accepts visitors until the listener is closed.
func (f *front) serve() error {
	if f.TLSConfig != nil {
		return serveError(f.ServeTLS(f.listener, "", ""))
	}
	return serveError(f.Serve(f.listener))
}

// serveError drops what Serve says when its listener was closed on purpose.
func serveError(err error) error {
	if err = dropClosed(err); err == nil || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve visitors: %w", err)
}

func dropClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (fs fronts) listeners() []*net.TCPListener {
	ls := make([]*net.TCPListener, len(fs))
	for i, f := range fs {
		ls[i] = f.listener
	}
	return ls
}

// closeListeners accepts no more. Connections go on.
func (fs fronts) closeListeners() (err error) {
	for _, f := range fs {
		if f.listener != nil {
			err = errors.Join(err, serveError(f.listener.Close()))
		}
	}
	return err
}

// shutdown closes idle connections and waits for requests, on all fronts at once.
func (fs fronts) shutdown(ctx context.Context) error {
	errs := make([]error, len(fs))
	var group sync.WaitGroup
	for i, f := range fs {
		group.Go(func() { errs[i] = f.Shutdown(ctx) })
	}
	group.Wait()
	return errors.Join(errs...)
}

// cut closes all connections.
func (fs fronts) cut() (err error) {
	for _, f := range fs {
		err = errors.Join(err, serveError(f.Close()))
	}
	return err
}
