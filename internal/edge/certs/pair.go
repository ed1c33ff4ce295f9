package certs

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// lookEvery is how often, at most, the files are looked at again. It is done when a visitor comes, so that it costs nothing else.
const lookEvery = time.Second

// Pair is a certificate and its key in two files (PEM), read again when they change.
type Pair struct {
	certFile, keyFile string
	log               *slog.Logger
	clock             func() time.Time
	current           atomic.Pointer[tls.Certificate]

	mu     sync.Mutex
	looked time.Time
	seen   [2]stamp // of what was read last, or could not be read
}

// stamp tells whether a file is another than before.
type stamp struct {
	changed time.Time
	size    int64
}

// OpenPair reads the files. An error says which one is of no use.
func OpenPair(certFile, keyFile string, log *slog.Logger, clock func() time.Time) (*Pair, error) {
	p := &Pair{certFile: certFile, keyFile: keyFile, log: log, clock: clock, looked: clock()}
	seen, err := p.stamps()
	if err != nil {
		return nil, err
	}
	p.seen = seen
	return p, p.load()
}

// GetCertificate is for a tls.Config.
func (p *Pair) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if p.mu.TryLock() { // who comes while another looks takes what is there
		p.look()
		p.mu.Unlock()
	}
	return p.current.Load(), nil
}

// look reads the files again if they have changed. What cannot be read, such as a new certificate whose key is not yet written, leaves the old pair in force.
func (p *Pair) look() {
	now := p.clock()
	if d := now.Sub(p.looked); d >= 0 && d < lookEvery {
		return
	}
	p.looked = now
	seen, err := p.stamps()
	if err == nil && seen != p.seen {
		p.seen = seen
		if err = p.load(); err == nil {
			p.log.Info("the certificate was read again", "file", p.certFile)
		}
	}
	if err != nil {
		p.log.Error("the certificate stays as it was", "error", err)
	}
}

func (p *Pair) stamps() (seen [2]stamp, err error) {
	for i, name := range []string{p.certFile, p.keyFile} {
		info, failed := os.Stat(name)
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("read the certificate: %w", failed))
			continue
		}
		seen[i] = stamp{changed: info.ModTime(), size: info.Size()}
	}
	return seen, err
}

func (p *Pair) load() error {
	cert, err := tls.LoadX509KeyPair(p.certFile, p.keyFile)
	if err != nil {
		return fmt.Errorf("read the certificate %s with the key %s: %w", p.certFile, p.keyFile, err)
	}
	p.current.Store(&cert)
	return nil
}
