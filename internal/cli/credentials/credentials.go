// Package credentials keeps what was signed in to, and with what, in a file of the person.
package credentials

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Book is what was signed in to: <config folder>/slipway/credentials, readable by its owner alone.
type Book struct {
	// Last is the server signed in to last.
	Last    string                `json:"last,omitempty"`
	Servers map[string]Credential `json:"servers,omitempty"`
}

// Credential is for one server.
type Credential struct {
	Token string `json:"token"`
	// Pin is the fingerprint of the server's key, where no authority vouches for it.
	Pin string `json:"pin,omitempty"`
}

// Of gives what is known of a server, with or without a slash at its end.
func (c Book) Of(address string) Credential { return c.Servers[strings.TrimRight(address, "/")] }

// Path is where the file is.
func Path() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find the folder for settings: %w", err)
	}
	return filepath.Join(dir, "slipway", "credentials"), nil
}

// Read gives what is kept, nothing where nothing is.
func Read() (Book, error) {
	var c Book
	path, err := Path()
	if err != nil {
		return c, nil //nolint:nilerr // without a home there is nothing kept
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("read who you are: %w", err)
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("%s is damaged; remove it and sign in again: %w", path, err)
	}
	return c, nil
}

// Keep writes all of it, wholly or not at all.
func (c Book) Keep() (path string, err error) {
	if path, err = Path(); err != nil {
		return "", err
	}
	text, err := json.MarshalIndent(c, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err != nil {
		return "", fmt.Errorf("keep who you are: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".credentials-*") // made with mode 0600
	if err != nil {
		return "", fmt.Errorf("keep who you are: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return "", fmt.Errorf("keep who you are: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return path, nil
}
