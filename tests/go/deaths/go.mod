module deaths

go 1.19
