import { looks } from './looks.mjs';

looks(1);
