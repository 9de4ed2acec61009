-- Which server has a tenant. Server is the name that every process gives to it, never an address.
create table incidentkit_directory.placements (
	tenant text collate "C" primary key,
	server text collate "C" not null
);
create index placements_server on incidentkit_directory.placements (server);
