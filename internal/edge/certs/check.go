package certs

import (
	"crypto/tls"
	"errors"
	"io/fs"
	"os"

	"github.com/slipwayhq/slipway/internal/fault"
)

// CheckPair says why a certificate and its key, which the flags of these names give, are of no use.
func CheckPair(certFlag, certFile, keyFlag, keyFile string) (errs []error) {
	for _, f := range [][2]string{{certFlag, certFile}, {keyFlag, keyFile}} {
		flag, file := f[0], f[1]
		if _, err := os.ReadFile(file); err != nil {
			var why *fs.PathError
			if errors.As(err, &why) {
				err = why.Err
			}
			errs = append(errs, fault.Invalid("--%s %s cannot be read: %v", flag, file, err).At(flag))
		}
	}
	if len(errs) > 0 {
		return errs
	}
	if _, err := tls.LoadX509KeyPair(certFile, keyFile); err != nil {
		errs = append(errs, fault.Invalid("--%s %s and --%s %s are no certificate (PEM) and its key: %v", certFlag, certFile, keyFlag, keyFile, err).At(certFlag))
	}
	return errs
}
