export { createGraphqlDoor, type GraphqlDoor, type GraphqlDoorOptions } from './door.ts';
