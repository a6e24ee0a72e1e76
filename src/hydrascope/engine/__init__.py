"""Where tables are computed: DuckDB in process by default, Spark for those who outgrow one machine."""
