"""`jubilee up`: supervises the embedded servers, migrations, the API and a worker."""
