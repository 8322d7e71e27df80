module cairn.invalid/interop/ca_go

go 1.22.0
