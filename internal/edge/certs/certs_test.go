package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/slipwayhq/slipway/internal/fault"
)

// write puts a new certificate of a serial number into the files; half leaves the key as it was.
func write(t *testing.T, certFile, keyFile string, serial int64, half bool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{strings.Repeat("x", int(serial)) + ".test"}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: raw}}
	if half {
		delete(files, keyFile)
	}
	for name, block := range files {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func serial(t *testing.T, p *Pair) int64 {
	t.Helper()
	cert, err := p.GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		t.Fatal(err)
	}
	return cert.Leaf.SerialNumber.Int64()
}

func TestAPairIsReadAgainWhenItChanges(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	now := time.Unix(1_800_000_000, 0)
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	open := func() (*Pair, error) { return OpenPair(certFile, keyFile, log, func() time.Time { return now }) }
	if _, err := open(); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "key.pem") {
		t.Errorf("without files: %v", err)
	}
	write(t, certFile, keyFile, 1, false)
	p, err := open()
	if err != nil || serial(t, p) != 1 {
		t.Fatalf("first: %v", err)
	}
	write(t, certFile, keyFile, 2, true) // the key is still that of the first
	if got := serial(t, p); got != 1 {
		t.Errorf("within the same second: %d", got)
	}
	for range 3 {
		now = now.Add(lookEvery)
		if got := serial(t, p); got != 1 {
			t.Errorf("with half a pair: %d", got)
		}
	}
	if n := strings.Count(out.String(), "stays as it was"); n != 1 {
		t.Errorf("half a pair was told of %d times:\n%s", n, out.String())
	}
	write(t, certFile, keyFile, 3, false)
	now = now.Add(lookEvery)
	if got := serial(t, p); got != 3 {
		t.Errorf("after the change: %d", got)
	}
	if err := os.Remove(keyFile); err != nil {
		t.Fatal(err)
	}
	now = now.Add(-time.Hour) // the clock is set back
	if got := serial(t, p); got != 3 || !strings.Contains(out.String(), "no such file") {
		t.Errorf("after the key is gone: %d\n%s", got, out.String())
	}
}

func TestPatienceGrowsToAnHour(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	i := newIssuer(nil, slog.New(slog.DiscardHandler), func() time.Time { return now })
	defer i.close()
	for n, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60, 60} {
		if err := i.mayAsk("shop.test"); err != nil {
			t.Fatalf("after %d refusals: %v", n, err)
		}
		i.note("shop.test", errors.New("no"))
		now = now.Add(want*time.Minute - 1)
		if err := i.mayAsk("shop.test"); !errors.Is(err, errTold) {
			t.Errorf("refusal %d is forgotten too soon: %v", n+1, err)
		}
		if err := i.mayAsk("www.shop.test"); err != nil {
			t.Errorf("another name: %v", err)
		}
		now = now.Add(1)
	}
	i.close()
	if _, _, err := i.enter(t.Context()); err == nil {
		t.Error("asked after the end")
	}
}

func TestZapSpeaksThroughSlog(t *testing.T) {
	var out bytes.Buffer
	log := newZap(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})))
	log.Info("of no interest")
	log.Named("part").With(zap.String("domain", "shop.test")).Warn("look", zap.Int("b", 2), zap.Error(errors.New("broken")), zap.Duration("a", time.Second))
	log.Error("told", zap.Error(fmt.Errorf("again: %w", errTold)))
	log.Error("bad", zap.Strings("names", []string{"x", "y"}))
	want := "level=WARN msg=look domain=shop.test a=1s b=2 error=broken logger=part\nlevel=ERROR msg=bad names=\"[x y]\"\n"
	if out.String() != want {
		t.Errorf("got:\n%swant:\n%s", out.String(), want)
	}
	if err := log.Sync(); err != nil {
		t.Error(err)
	}
}

func TestCheckOfACME(t *testing.T) {
	for directory, ok := range map[string]bool{"": true, "https://ca.test/dir": true, "http://ca.test": false, "ca.test": false, "https://": false, "::": false} {
		if err := (ACME{Directory: directory}).Check(); (err == nil) != ok || !ok && !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("%q: %v", directory, err)
		}
	}
}
