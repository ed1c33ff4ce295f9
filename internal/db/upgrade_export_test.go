package db

import "context"

// Before makes a store as the program before a migration left it, with the rows that the statements put in.
func Before(ctx context.Context, opts Options, version int64, statements ...string) error {
	d := &DB{}
	open := d.openSQLite
	if opts.URL != "" {
		open = d.openPostgres
	}
	if err := open(opts); err != nil {
		return err
	}
	defer d.Close()
	p, err := d.provider()
	if err != nil {
		return err
	}
	if _, err := p.UpTo(ctx, version-1); err != nil {
		return err
	}
	for _, s := range statements {
		if _, err := d.write.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return nil
}
