package waffle

// Most bounds how many names are created in an app.
func (d *Door) Most(n int) { d.most = n }

// MostCreated is the bound.
const MostCreated = mostCreated
