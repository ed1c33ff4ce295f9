// Package durable puts files on disk whole or not at all, whatever happens meanwhile.
package durable

import (
	"errors"
	"os"
	"path/filepath"
)

// WriteFile puts a file in the place of another, or of none, for its owner alone. That it is there after a power failure SyncFolder makes sure of; until then it is the old one, whole.
func WriteFile(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// SyncFolder puts on disk which files a folder has.
func SyncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
