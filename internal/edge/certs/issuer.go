package certs

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
)

// How long a CA that refused a name is left alone about it. Let's Encrypt allows five refusals an hour.
const (
	patienceFirst = time.Minute
	patienceLast  = time.Hour
)

// errTold marks what note has told already, so that each visitor who comes meanwhile does not fill the log with it.
var errTold = errors.New("no certificate")

// issuer asks the CA, once per visit instead of again and again while the visitor waits; it ends with the edge, and leaves a CA that has just said no alone.
type issuer struct {
	*certmagic.ACMEIssuer
	log   *slog.Logger
	clock func() time.Time

	life  context.Context //nolint:containedctx // the issuer's own life: certmagic asks on contexts that nobody ends
	end   context.CancelFunc
	group sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	refused map[string]refusal
}

// refusal is what is remembered of a name that there was no certificate for.
type refusal struct {
	times int
	until time.Time
}

func newIssuer(inner *certmagic.ACMEIssuer, log *slog.Logger, clock func() time.Time) *issuer {
	i := &issuer{ACMEIssuer: inner, log: log, clock: clock, refused: map[string]refusal{}}
	i.life, i.end = context.WithCancel(context.Background())
	return i
}

// Issue asks the CA for a certificate.
func (i *issuer) Issue(ctx context.Context, csr *x509.CertificateRequest) (*certmagic.IssuedCertificate, error) {
	ctx, done, err := i.enter(ctx)
	if err != nil {
		return nil, certmagic.ErrNoRetry{Err: err}
	}
	defer done()
	name := strings.Join(csr.DNSNames, ",")
	if err := i.mayAsk(name); err != nil {
		return nil, certmagic.ErrNoRetry{Err: err}
	}
	cert, err := i.ACMEIssuer.Issue(ctx, csr)
	if err != nil {
		if ctx.Err() == nil { // a visitor or an edge that is gone is no refusal
			i.note(name, err)
		}
		return nil, certmagic.ErrNoRetry{Err: fmt.Errorf("%w for %s: %w", errTold, name, err)}
	}
	i.mu.Lock()
	delete(i.refused, name)
	i.mu.Unlock()
	i.log.Info("a certificate was obtained", "domain", name)
	return cert, nil
}

// GetRenewalInfo asks the CA when a certificate should be renewed.
func (i *issuer) GetRenewalInfo(ctx context.Context, cert certmagic.Certificate) (acme.RenewalInfo, error) {
	ctx, done, err := i.enter(ctx)
	if err != nil {
		return acme.RenewalInfo{}, err
	}
	defer done()
	return i.ACMEIssuer.GetRenewalInfo(ctx, cert) //nolint:wrapcheck // passed on
}

// enter gives a context that also ends with the issuer, which waits for done.
func (i *issuer) enter(ctx context.Context) (_ context.Context, done func(), err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return nil, nil, fmt.Errorf("%w: the edge ends: %w", errTold, context.Canceled)
	}
	i.group.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(i.life, cancel)
	return ctx, func() { stop(); cancel(); i.group.Done() }, nil
}

// close ends what is asked, waits for it, and lets nothing more be asked.
func (i *issuer) close() {
	i.mu.Lock()
	i.closed = true
	i.mu.Unlock()
	i.end()
	i.group.Wait()
}

// mayAsk is an error while the CA is left alone about a name.
func (i *issuer) mayAsk(name string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if r := i.refused[name]; i.clock().Before(r.until) {
		return fmt.Errorf("%w for %s; the certificate authority is asked again after %s", errTold, name, r.until.UTC().Format(time.RFC3339))
	}
	return nil
}

// note remembers a refusal.
func (i *issuer) note(name string, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	r := i.refused[name]
	wait := min(patienceLast, patienceFirst<<min(r.times, 10))
	i.refused[name] = refusal{times: r.times + 1, until: i.clock().Add(wait)}
	i.log.Error("the certificate authority gave no certificate; does the domain lead here, at port 80?", "domain", name, "again_in", wait.String(), "error", err)
}
