module example.com/corner

go 1.24
