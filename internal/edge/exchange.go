package edge

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync/atomic"

	"github.com/slipwayhq/slipway/internal/edge/count"
	"github.com/slipwayhq/slipway/internal/edge/split"
	pattern "github.com/slipwayhq/slipway/internal/pure/route"
	"github.com/slipwayhq/slipway/internal/wire"
)

// triesMax bounds how many backends one request is offered to.
const triesMax = 6

// errNoBackend means that nobody is left who could answer.
var errNoBackend = errors.New("no backend can answer")

// exchange is one request and its answer. Exchanges are used again, and each has a ReverseProxy of its own whose callbacks are its methods, so that
// nothing needs to be carried in a context.
type exchange struct {
	edge  *Edge
	proxy httputil.ReverseProxy

	in      *http.Request
	origin  origin
	route   *route
	arm     *arm    // the one drawn
	target  *member // the one asked; its open count is held
	tried   [triesMax]*backend
	tries   int
	visitor string // the id the request brought
	given   string // the id it is handed, when it brought none
	failed  bool
	begun   bool
	body    body
	count   count.Request
}

func newExchange(e *Edge) *exchange {
	x := &exchange{edge: e}
	x.proxy = httputil.ReverseProxy{
		Rewrite: x.rewrite, Transport: x, ErrorHandler: x.sorry,
		BufferPool: e.buffers, ErrorLog: e.quiet,
	}
	return x
}

// ServeHTTP takes a visitor's request.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e.conns.draining() && r.Header.Get("Upgrade") == "" {
		w.Header().Set("Connection", "close")
	}
	e.conns.enter()
	defer e.conns.leave()
	x := e.exchanges.Get().(*exchange)
	defer x.end() // also when ReverseProxy gives up an answer half way, by a panic
	if !x.begin(r) {
		nobody(w, r)
		return
	}
	x.proxy.ServeHTTP(w, r)
}

// begin finds the route, draws the arm, chooses a backend and counts the request. It is false when no environment wants the host name.
func (x *exchange) begin(r *http.Request) bool {
	x.in, x.origin = r, x.edge.originOf(r)
	x.visitor = visitorOf(r.Header)
	if x.visitor == "" {
		x.given = newVisitor()
	}
	who := counted(x.visitor, x.given, x.edge.key, x.origin.client, r.UserAgent())
	for {
		t := x.edge.table.Load()
		if x.route = t.find(r.Host); x.route == nil || x.route.Split.Old == "" && x.route.Split.New == "" {
			return false
		}
		x.arm = x.draw()
		cell := x.choose()
		if x.route.epoch.Begin(&x.count, cell, who, r.URL.Path) {
			x.begun = true
			return true
		}
		x.let() // the epoch ended between the two lines: the table has moved on
	}
}

// draw decides between old and new.
func (x *exchange) draw() *arm {
	r := x.route
	if r.Split.New == "" {
		return &r.old
	}
	var hash uint64
	if r.Split.Mode == split.Requests {
		hash = rand.Uint64() // a draw, no secret
	} else {
		hash = split.Hash(r.Split.Salt, x.visitor+x.given) // one of them is empty
	}
	if r.Split.Old == "" || split.Below(hash, r.share) {
		return &r.new
	}
	return &r.old
}

// choose takes the first backend and gives the cell that the request is counted in: that of the release drawn, even if another has to help out.
func (x *exchange) choose() *count.Cell {
	x.failed = false
	m, own := x.next()
	x.hold(m)
	switch {
	case m != nil && own:
		return m.cell
	case len(x.arm.members) > 0:
		x.failed = true
		return x.arm.members[rand.IntN(len(x.arm.members))].cell // any host of the release at fault
	}
	x.failed = true
	return x.arm.none
}

// next gives the next backend to ask: a healthy one of the arm, else a healthy one of the other release, else one that is thought to be down, because
// the check may be wrong. It is nil when all were tried. own tells whether it is of the arm drawn.
func (x *exchange) next() (m *member, own bool) {
	if x.tries == triesMax {
		return nil, false
	}
	other := x.other(x.arm)
	healthy := func(b *backend) bool { return !x.wasTried(b) && b.usable() }
	untried := func(b *backend) bool { return !x.wasTried(b) }
	if m = pick(x.arm.members, healthy); m != nil {
		return m, true
	}
	if m = pick(other.members, healthy); m != nil {
		return m, false
	}
	if m = pick(x.arm.members, untried); m != nil {
		return m, true
	}
	return pick(other.members, untried), false
}

func (x *exchange) other(a *arm) *arm {
	if a == &x.route.old {
		return &x.route.new
	}
	return &x.route.old
}

func (x *exchange) wasTried(b *backend) bool {
	for _, t := range x.tried[:x.tries] {
		if t == b {
			return true
		}
	}
	return false
}

// hold takes the backend for this request; nil holds none.
func (x *exchange) hold(m *member) {
	if x.target != nil {
		x.target.open.Add(-1)
	}
	if x.target = m; m != nil {
		m.open.Add(1)
		x.tried[x.tries] = m.backend
		x.tries++
	}
}

// let gives everything back that begin took, for another try.
func (x *exchange) let() {
	x.hold(nil)
	clear(x.tried[:])
	x.tries = 0
}

// RoundTrip asks the backend, and another one where no connection could be made: then nothing was sent, and nothing can be done twice.
func (x *exchange) RoundTrip(out *http.Request) (*http.Response, error) {
	var sent *upload
	if out.Body != nil {
		sent = &upload{ReadCloser: out.Body}
		out.Body = sent
	}
	for x.target != nil {
		out.URL.Host = x.target.key.Addr
		res, err := x.edge.transport.RoundTrip(out)
		if err == nil {
			return x.answer(out, res), nil
		}
		if !refused(err) || sent != nil && sent.touched.Load() || out.Context().Err() != nil {
			return nil, err
		}
		x.target.suspend()
		m, own := x.next()
		x.failed = x.failed || !own
		x.hold(m)
		if m == nil {
			return nil, errors.Join(errNoBackend, err)
		}
	}
	return nil, errNoBackend
}

// refused reports whether no connection was made.
func refused(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// answer looks at what the backend says before it goes to the visitor.
func (x *exchange) answer(out *http.Request, res *http.Response) *http.Response {
	if res.StatusCode == http.StatusNotFound {
		res = x.asset(out, res)
	}
	x.count.Answered()
	if res.StatusCode >= 500 {
		x.failed = true
		x.count.Said(res.StatusCode, res.Header.Get(wire.HeaderError))
	}
	res.Header.Del(wire.HeaderError)
	x.mark(res.Header)
	x.tell(res)
	if res.StatusCode != http.StatusSwitchingProtocols && res.Body != http.NoBody {
		x.body = body{ReadCloser: res.Body, x: x}
		res.Body = &x.body
	}
	return res
}

// asset asks the other release for a hashed file that this one does not have: the page that names it may have come from there.
func (x *exchange) asset(out *http.Request, res *http.Response) *http.Response {
	r := x.route
	if r.Split.New == "" || out.Body != nil || out.Method != http.MethodGet && out.Method != http.MethodHead ||
		pattern.Under(out.URL.Path, r.Assets) == "" || x.tries == triesMax {
		return res
	}
	m := pick(x.other(x.sayer()).members, (*backend).usable)
	if m == nil {
		return res
	}
	out.URL.Host = m.key.Addr
	second, err := x.edge.transport.RoundTrip(out)
	if err != nil {
		return res
	}
	if second.StatusCode >= 400 {
		_ = second.Body.Close()
		return res
	}
	_ = res.Body.Close()
	x.hold(m)
	return second
}

// sayer is the arm whose backend answers.
func (x *exchange) sayer() *arm {
	if x.target != nil && x.target.key.Release == x.route.new.release {
		return &x.route.new
	}
	if x.target != nil {
		return &x.route.old
	}
	return x.arm
}

// mark adds what every answer carries: the release that made it, and for a new visitor the id.
func (x *exchange) mark(h http.Header) {
	h[wire.HeaderRelease] = x.sayer().header
	if x.given != "" && mayCarryCookie(h) {
		h["Set-Cookie"] = append(h["Set-Cookie"], cookie(x.given, x.origin.proto))
	}
}

// tell tells a page who served it: it cannot read the other headers of its own, and its events are to say so. Also where the page is one that the browser has, since that may be of another release.
func (x *exchange) tell(res *http.Response) {
	page := strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") || res.StatusCode == http.StatusNotModified && x.in.Header.Get("Sec-Fetch-Dest") == "document"
	if page && x.target != nil && x.target.served != "" {
		res.Header["Server-Timing"] = append(res.Header["Server-Timing"], x.target.served)
	}
}

// end counts how it went and gives the exchange back.
func (x *exchange) end() {
	if x.begun {
		x.count.End(x.failed)
	}
	x.let()
	x.in, x.origin, x.route, x.arm = nil, origin{}, nil, nil
	x.visitor, x.given, x.failed, x.begun, x.body = "", "", false, false, body{}
	x.edge.exchanges.Put(x)
}

// upload notes whether any of the visitor's body was read; Close is for ReverseProxy alone.
type upload struct {
	io.ReadCloser
	touched atomic.Bool
}

func (u *upload) Read(p []byte) (int, error) {
	u.touched.Store(true)
	return u.ReadCloser.Read(p)
}

// Close leaves the body to whoever may need it for another backend. ReverseProxy closes it in the end.
func (u *upload) Close() error { return nil }

// body notes an answer that breaks off: it has a good status and is an error all the same.
type body struct {
	io.ReadCloser
	x *exchange
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF && b.x.in.Context().Err() == nil {
		b.x.failed = true
	}
	return n, err
}
