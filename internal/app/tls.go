package app

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/durable"
)

// certificate loads the server's certificate, or makes one that lasts: agents do not trust its issuer but pin its key, by the join token.
func certificate(o Options) (cert tls.Certificate, pin string, err error) {
	certFile, keyFile := o.CertFile, o.KeyFile
	if certFile == "" {
		certFile, keyFile = filepath.Join(o.Dir, "tls", "cert.pem"), filepath.Join(o.Dir, "tls", "key.pem")
		if _, err := os.Stat(keyFile); errors.Is(err, fs.ErrNotExist) {
			if err := makeCertificate(certFile, keyFile, o.Now()); err != nil {
				return cert, "", err
			}
		}
	}
	cert, err = tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return cert, "", fmt.Errorf("load the certificate %s: %w", certFile, err)
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		return cert, "", fmt.Errorf("read the certificate %s: %w", certFile, err)
	}
	sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	return cert, base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

func makeCertificate(certFile, keyFile string, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make the server's key: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "slipway"
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return fmt.Errorf("make the server's certificate: %w", err)
	}
	template := x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "slipway"}, DNSNames: []string{host, "localhost"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		return fmt.Errorf("make the server's certificate: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode the server's key: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(keyFile), 0o700); err != nil {
		return fmt.Errorf("make the folder of the server's key: %w", err)
	}
	// The key last: it is what says that both are there.
	if err := durable.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})); err != nil {
		return fmt.Errorf("write the server's certificate: %w", err)
	}
	if err := durable.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})); err != nil {
		return fmt.Errorf("write the server's key: %w", err)
	}
	return nil
}

// firstByteTime is how long a connection may take to say whether it speaks TLS.
const firstByteTime = 10 * time.Second

// tlsHello is the first byte of every TLS connection, and of no HTTP request.
const tlsHello = 0x16

// sniffer takes the connections of one listener apart: TLS ones get their handshake, the others stay as they are. Accept gives both.
type sniffer struct {
	net.Listener
	config *tls.Config
	ready  chan net.Conn
	ctx    context.Context //nolint:containedctx // its life is the listener's
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

func newSniffer(l net.Listener, cert tls.Certificate) *sniffer {
	ctx, cancel := context.WithCancel(context.Background())
	s := &sniffer{
		Listener: l, ready: make(chan net.Conn), ctx: ctx, cancel: cancel,
		config: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}},
	}
	s.wg.Go(s.accept)
	return s
}

func (s *sniffer) accept() {
	for {
		conn, err := s.Listener.Accept()
		if err != nil {
			if s.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			select { // out of file descriptors: let some go
			case <-time.After(10 * time.Millisecond):
			case <-s.ctx.Done():
			}
			continue
		}
		s.wg.Go(func() { s.sniff(conn) })
	}
}

// sniff looks at the first byte, so that a silent connection holds nobody up.
func (s *sniffer) sniff(conn net.Conn) {
	stop := context.AfterFunc(s.ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	_ = conn.SetReadDeadline(time.Now().Add(firstByteTime)) // a conn without deadlines just waits
	r := bufio.NewReaderSize(conn, 4096)
	first, err := r.Peek(1)
	if err != nil || s.ctx.Err() != nil {
		_ = conn.Close() // it said nothing
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	var out net.Conn = &peeked{Conn: conn, r: r}
	if first[0] == tlsHello {
		out = tls.Server(out, s.config)
	}
	select {
	case s.ready <- out:
	case <-s.ctx.Done():
		_ = conn.Close()
	}
}

// Accept implements net.Listener.
func (s *sniffer) Accept() (net.Conn, error) {
	select {
	case c := <-s.ready:
		return c, nil
	case <-s.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (s *sniffer) Close() error {
	s.cancel()
	err := s.Listener.Close()
	s.wg.Wait()
	return err
}

// peeked is a connection whose first bytes were looked at.
type peeked struct {
	net.Conn
	r *bufio.Reader
}

func (p *peeked) Read(b []byte) (int, error) { return p.r.Read(b) }
