package examples

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

//go:embed all:shop
var shopFiles embed.FS

const shopModule = `module github.com/slipwayhq/slipway/examples/shop

go 1.26
`

// WriteShop writes the shop into a folder, as a Go module of its own. The folder is made if it is missing and may
// hold other files, such as .git; a file of the shop that is already there is an error, and is left as it is.
func WriteShop(dir string) error {
	shop, err := fs.Sub(shopFiles, "shop")
	if err != nil {
		return fmt.Errorf("write shop: %w", err)
	}
	write := func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(shop, name)
		if err != nil {
			return err
		}
		return create(dir, name, body)
	}
	if err := fs.WalkDir(shop, ".", write); err != nil {
		return fmt.Errorf("write shop: %w", err)
	}
	if err := create(dir, "go.mod", []byte(shopModule)); err != nil {
		return fmt.Errorf("write shop: %w", err)
	}
	return nil
}

// create writes a file that must not exist yet, and the folders on the way to it.
func create(dir, name string, body []byte) error {
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(body)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
