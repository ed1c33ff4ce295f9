package git

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/catalog"
	"github.com/slipwayhq/slipway/internal/fault"
)

const (
	uploadPack  = "git-upload-pack"
	receivePack = "git-receive-pack"
	// maxFetch bounds what a client says in a fetch: wants and haves, in bytes.
	maxFetch = 64 << 20
)

// call is one request, understood.
type call struct {
	app     string
	service string // uploadPack or receivePack
	refs    bool   // info/refs, else the service itself
	who     access.Identity
	agent   string
	exists  bool // the app, in the catalog
}

// ServeHTTP serves /git/<app>.git/….
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := parseCall(r)
	if err == nil {
		err = d.authorize(r, &c)
	}
	if err != nil {
		d.refuse(w, r.URL.Path, err)
		return
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // large pushes and long verdicts take their time
	_ = control.SetWriteDeadline(time.Time{})
	w.Header().Set("Cache-Control", "no-cache, max-age=0, must-revalidate")
	if c.refs {
		d.advertise(w, r, c)
		return
	}
	body, err := requestBody(w, r, c, d.opts.MaxPush)
	if err != nil {
		d.refuse(w, r.URL.Path, err)
		return
	}
	if c.service == receivePack {
		err = d.receive(r.Context(), w, body, c)
	} else {
		d.begin(w, c)
		err = d.upload(r, w, body, c)
	}
	drain(r, control)
	if err != nil && r.Context().Err() == nil {
		d.log.Error("git failed", "app", c.app, "service", c.service, "error", err)
	}
}

// begin lets git's answer come while the question is still being read.
func (d *Door) begin(w http.ResponseWriter, c call) {
	_ = http.NewResponseController(w).EnableFullDuplex() // HTTP/2 needs it not
	w.Header().Set("Content-Type", "application/x-"+c.service+"-result")
}

// What git left of a question is read to its end, for so long, and up to so many bytes.
const (
	restTime = 5 * time.Second
	maxRest  = 256 << 10
)

// drain reads what git left of the question. Where answers overlap with questions, net/http's own reading of the rest would get in the way of the next request on the connection; so
// what is too long for us is not read by it either, and the connection ends.
func drain(r *http.Request, control *http.ResponseController) {
	_ = control.SetReadDeadline(time.Now().Add(restTime))
	if n, err := io.CopyN(io.Discard, r.Body, maxRest); n == maxRest || err != nil && !errors.Is(err, io.EOF) {
		_ = control.SetReadDeadline(time.Unix(1, 0))
	}
}

// parseCall understands the URLs of smart HTTP.
func parseCall(r *http.Request) (call, error) {
	rest, ok := strings.CutPrefix(r.URL.Path, "/git/")
	app, action, found := strings.Cut(rest, "/")
	c := call{app: strings.TrimSuffix(app, ".git")}
	if !ok {
		return c, access.NoSuchApp(c.app)
	}
	if err := catalog.CheckName("app", c.app); err != nil {
		return c, fault.NotFound("%s", fault.Message(err)) // the rule of names: a first push makes the app
	}
	switch {
	case !found || action == "":
		return c, fault.NotFound("this is a git repository: git clone %s", r.URL.Path)
	case r.Method == http.MethodGet && action == "info/refs":
		c.service, c.refs = r.URL.Query().Get("service"), true
	case r.Method == http.MethodPost:
		c.service = action
	}
	if c.service != uploadPack && c.service != receivePack {
		return c, fault.NotFound("only git's smart HTTP is spoken here; use git 1.6.6 or newer")
	}
	return c, nil
}

// authorize finds out who asks and whether they may. Cookies do not count: git sends none, and a browser must not be led to push.
func (d *Door) authorize(r *http.Request, c *call) error {
	ctx := r.Context()
	secret, given, err := access.Credential(r)
	if err != nil {
		return err
	}
	if !given {
		return fault.Unauthorized("git needs a token here: any user name, and the token (slt_…) as password")
	}
	if c.exists, err = catalog.Exists(ctx, d.opts.DB, c.app); err != nil {
		return err
	}
	if d.opts.AgentAuth != nil && c.service == uploadPack {
		if agent, ok := d.opts.AgentAuth(ctx, secret); ok {
			c.agent = agent
			return d.present(*c)
		}
	}
	if c.who, err = d.opts.Access.Authenticate(ctx, r); err != nil {
		return err
	}
	switch {
	case c.service == uploadPack:
		if err := c.who.Require(access.View, c.app); err != nil {
			return err
		}
		return d.present(*c)
	case c.exists && c.who.Can(access.Push, c.app):
		return nil // to which branches, preReceive knows
	case c.who.Can(access.Deploy, c.app):
		return nil // an app that is not there yet is made by the first push of somebody with a grant for it
	case c.who.Can(access.View, c.app):
		return c.who.Require(access.Deploy, c.app)
	default:
		// The same words whether it exists or not: one must not be told from the other.
		return fault.Forbidden("there is no app named %q that %s may push to, and %s may not create apps", c.app, c.who.Person.Name, c.who.Person.Name)
	}
}

func (d *Door) present(c call) error {
	if !c.exists || !d.hasRepo(c.app) {
		return fault.NotFound("there is no app named %q yet, or nothing was pushed to it", c.app)
	}
	return nil
}

// refuse answers in plain text, which git shows to its user.
func (d *Door) refuse(w http.ResponseWriter, path string, err error) {
	status := http.StatusInternalServerError
	switch fault.CodeOf(err) {
	case fault.CodeUnauthorized:
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", `Basic realm="Slipway: any user name, a token as password", charset="UTF-8"`)
	case fault.CodeForbidden:
		status = http.StatusForbidden
	case fault.CodeNotFound:
		status = http.StatusNotFound
	case fault.CodeInvalid:
		status = http.StatusBadRequest
	case fault.CodeLimited:
		status = http.StatusTooManyRequests
	default:
		d.log.Error("git request failed", "path", path, "error", err)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "slipway: "+fault.Message(err)+"\n") //nolint:gosec // plain text, and said to be
}

// advertise answers info/refs.
func (d *Door) advertise(w http.ResponseWriter, r *http.Request, c call) {
	repo := d.repo(c.app)
	if !d.hasRepo(c.app) {
		repo = d.emptyRepo()
	}
	w.Header().Set("Content-Type", "application/x-"+c.service+"-advertisement")
	version := gitProtocol(r, c.service)
	cmd := d.command(r.Context(), version, strings.TrimPrefix(c.service, "git-"), "--stateless-rpc", "--http-backend-info-refs", repo)
	if len(version) == 0 {
		line := "# service=" + c.service + "\n"
		_, _ = fmt.Fprintf(w, "%04x%s0000", len(line)+4, line)
	}
	var errs limitedBuffer
	cmd.Stdout, cmd.Stderr = w, &errs
	if err := cmd.Run(); err != nil && r.Context().Err() == nil {
		d.log.Error("refs not listed", "app", c.app, "error", err, "git", errs.String())
		panic(http.ErrAbortHandler) // half a list must not be taken for a whole one
	}
}

// gitProtocol passes on that the client speaks version 2, in the one form that git sends. There is no version 2 of pushing.
func gitProtocol(r *http.Request, service string) []string {
	if service == uploadPack && r.Header.Get("Git-Protocol") == "version=2" {
		return []string{"GIT_PROTOCOL=version=2"}
	}
	return nil
}

// requestBody unpacks and bounds the body.
func requestBody(w http.ResponseWriter, r *http.Request, c call, maxPush int64) (io.Reader, error) {
	if got, want := r.Header.Get("Content-Type"), "application/x-"+c.service+"-request"; got != want {
		return nil, fault.Invalid("the content type is %q; git sends %q", got, want)
	}
	limit := int64(maxFetch)
	if c.service == receivePack {
		limit = maxPush + 1<<20
	}
	body := io.Reader(http.MaxBytesReader(w, r.Body, limit))
	switch r.Header.Get("Content-Encoding") {
	case "", "identity":
		return body, nil
	case "gzip", "x-gzip":
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			return nil, fault.Invalid("the body is not gzip, as its header says").Because(err)
		}
		return io.LimitReader(unzipped, limit), nil
	default:
		return nil, fault.Invalid("the content encoding %q is not understood; send gzip or none", r.Header.Get("Content-Encoding"))
	}
}

// upload serves a fetch or clone. It ends with the request.
func (d *Door) upload(r *http.Request, w http.ResponseWriter, body io.Reader, c call) error {
	var errs limitedBuffer
	cmd := d.command(r.Context(), gitProtocol(r, uploadPack), "upload-pack", "--stateless-rpc", d.repo(c.app))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = body, &answerWriter{w: w, control: http.NewResponseController(w)}, &errs
	return commandEnd(cmd.Run(), errs.String())
}

// commandEnd gives the error of a git command that speaks to the client by itself. A client that hung up, and a pack that broke off, are no errors of ours.
func commandEnd(err error, said string) error {
	var exit *exec.ExitError
	if err == nil || errors.As(err, &exit) && exit.ExitCode() == 128 || errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	return fmt.Errorf("%w: %s", err, strings.TrimSpace(said))
}

// answerWriter passes on what git writes, each piece at once. When the client is gone it goes on reading, so that git comes to its end.
type answerWriter struct {
	w       io.Writer
	control *http.ResponseController
	gone    bool
}

func (a *answerWriter) Write(p []byte) (int, error) {
	if a.gone {
		return len(p), nil
	}
	if _, err := a.w.Write(p); err != nil {
		a.gone = true
	} else if err := a.control.Flush(); err != nil {
		a.gone = true
	}
	return len(p), nil
}
